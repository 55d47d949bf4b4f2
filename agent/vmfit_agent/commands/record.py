"""vmfit-agent record: the raw files and XML that a snapshot comes from."""

import shutil
from pathlib import Path

import click

from vmfit_agent.collectors import COLLECTORS
from vmfit_agent.commands.mask_options import mask_options, masking_key
from vmfit_agent.commands.options import host_options
from vmfit_agent.local_host import HostOptions
from vmfit_agent.recording.host_recording import read_host
from vmfit_agent.recording.learnt_masking import learnt_masking
from vmfit_agent.recording.libvirt_recording import record_libvirt
from vmfit_agent.redaction.free_text import scrub
from vmfit_contract.command_line.commands import Command
from vmfit_contract.command_line.exit_status import AskedWronglyError
from vmfit_contract.printable import printable

_MARK = "vmfit-recording"
_MARK_TEXT = "A host as vmfit-agent recorded it; use it with --root.\n"
_SHOWN = 20


@click.command("record", cls=Command)
@click.argument("directory", metavar="DIR", type=click.Path(path_type=Path, file_okay=False))
@click.option("--overwrite", is_flag=True, help="Replace an earlier recording in DIR.")
@mask_options
@host_options
def command(
    *,
    directory: Path,
    overwrite: bool,
    mask: bool,
    site_key_file: Path | None,
    root: Path,
    libvirt_uri: tuple[str, ...],
    attributes: Path,
) -> int:
    """Copy what a snapshot is made from into DIR, as text files that diff well.

    `vmfit-agent snapshot --root DIR` then gives this host's snapshot anywhere. Secrets are never
    copied: passwords, cookies, keys, and the words of hook scripts. What --mask leaves are IP
    addresses, what people call guests, pools, networks and paths, and what tells no two machines of
    a kind apart.
    """
    key = masking_key(site_key_file) if mask else None
    _prepare(directory, overwrite=overwrite)
    host = HostOptions(root, libvirt_uri, attributes).open()
    globs = [pattern for collector in COLLECTORS.values() for pattern in collector.files]
    globs.append(f"{host.attributes_directory}/*.json")
    recording = read_host(root, globs)
    masking = learnt_masking(host, COLLECTORS, key) if key is not None else None
    recording.write(directory, masking)
    missing = recording.missing + record_libvirt(host.libvirt, directory, masking)
    for line in missing[:_SHOWN]:
        click.echo(printable(scrub(f"not recorded: {line}")), err=True)
    if len(missing) > _SHOWN:
        click.echo(f"not recorded: {len(missing) - _SHOWN} more", err=True)
    click.echo(f"{directory}: {len(recording.texts)} files, {len(recording.links)} links")
    return 0


def _prepare(directory: Path, *, overwrite: bool) -> None:
    """Make DIR an empty directory with a mark; replace nothing but an earlier recording."""
    mark = directory / _MARK
    if directory.exists() and any(directory.iterdir()):
        if not overwrite:
            raise AskedWronglyError(f"{directory}: not empty; --overwrite replaces a recording")
        if not mark.is_file():
            raise AskedWronglyError(f"{directory}: not a recording, so it is not overwritten")
        shutil.rmtree(directory)
    directory.mkdir(parents=True, exist_ok=True)
    mark.write_text(_MARK_TEXT, "utf-8")
