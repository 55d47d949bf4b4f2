"""vmfit-agent describe: one domain as a typed VM."""

import sys
from pathlib import Path

import click

from vmfit.v1.host_metadata_service_pb2 import DescribeVmRequest
from vmfit_agent.commands.mask_options import Hashes, hash_options
from vmfit_agent.commands.options import content_option, host_options
from vmfit_agent.local_host import HostOptions, local_source
from vmfit_agent.service import MAX_XML_BYTES
from vmfit_agent.sources import SourceUnavailable, UnknownDomain
from vmfit_agent.unusable_definition import UnusableDefinition
from vmfit_contract.access import LOCAL
from vmfit_contract.command_line.commands import Command
from vmfit_contract.command_line.exit_status import AskedWronglyError, NoAnswerError
from vmfit_contract.command_line.form_choice import FormChoice
from vmfit_contract.command_line.structured import structured_text
from vmfit_contract.json_text import to_json


@click.command("describe", cls=Command)
@click.argument("domain", metavar="[NAME|UUID]", required=False)
@click.option(
    "--xml",
    metavar="FILE",
    type=click.Path(path_type=Path, dir_okay=False, allow_dash=True),
    help="Describe the domain XML in this file, '-' for standard input.",
)
@click.option(
    "-o",
    "--output",
    "form",
    type=FormChoice(["json", "yaml"]),
    default="json",
    show_default=True,
    help="JSON, the same as YAML, or what a JSONPath selects of it.",
)
@content_option
@host_options
@hash_options
def command(
    *,
    domain: str | None,
    xml: Path | None,
    form: str,
    content_directory: tuple[str, ...],
    root: Path,
    libvirt_uri: tuple[str, ...],
    attributes: Path,
    hashes: Hashes,
) -> int:
    """Describe a domain of this host, or domain XML as this host sees it; prints a VM."""
    if (domain is None) == (xml is None):
        raise click.UsageError("give a domain's name or UUID, or --xml FILE")
    request = DescribeVmRequest(name_or_uuid=domain or "")
    if xml is not None:
        request = DescribeVmRequest(xml=_read(xml))
    hides = hashes()
    host = HostOptions(root, libvirt_uri, attributes, content_directory).open()
    try:
        response = local_source(host).describe_vm(request, None, LOCAL)
    except UnusableDefinition as error:
        raise AskedWronglyError(f"{xml or domain}: {error}") from None
    except UnknownDomain as error:
        raise AskedWronglyError(str(error)) from None
    except SourceUnavailable as error:
        raise NoAnswerError(str(error)) from None
    if hides is not None:
        hides.hide(response.vm)
    sys.stdout.write(structured_text(to_json(response.vm), form))
    return 0


def _read(path: Path) -> str:
    with click.open_file(str(path), "rb") as file:
        content: bytes = file.read(MAX_XML_BYTES + 1)
    if len(content) > MAX_XML_BYTES:
        raise AskedWronglyError(f"{path}: larger than {MAX_XML_BYTES} bytes")
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        raise AskedWronglyError(f"{path}: not UTF-8 at byte {error.start}") from None
