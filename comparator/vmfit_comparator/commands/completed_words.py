"""What a shell offers for hosts, facts, parts, policies and virsh's words.

Each function is click's `shell_complete` of an option or argument. Settings that cannot be used
offer nothing.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource
from click.shell_completion import CompletionItem

from vmfit_comparator.settings import Settings, SettingsError, option_values, read_settings
from vmfit_contract.command_line.completion import matching, names_and_files

# A shell waits for it.
_VM_SECONDS = 1.5
_TLS = ("tls_cert", "tls_key", "tls_ca")


def hosts(ctx: click.Context, _: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Return hosts of the inventory; files are snapshots."""
    return names_and_files(_settings(ctx).values.get("hosts", {}), incomplete)


def vms(ctx: click.Context, _: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Return the VMs of the host that --from names, if it answers at once; .json files are VMs."""
    found: list[str] = []
    if ctx.params.get("source"):
        try:
            found = _vms_of(ctx, ctx.params["source"])
        except (click.ClickException, ValueError):
            found = []
    return names_and_files(found, incomplete)


def facts(_: click.Context, __: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Return areas and facts; within an area its facts."""
    from vmfit_comparator.installed_facts import installed_facts  # noqa: PLC0415 -- slow to load

    known = installed_facts().facts
    areas = dict.fromkeys(f"{each.partition('.')[0]}.*" for each in known)
    return matching((*areas, *known), incomplete)


def parts(_: click.Context, __: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Return parts of a snapshot."""
    from vmfit_comparator.evaluation.part_volatility import PART_VOLATILITY  # noqa: PLC0415

    return matching(PART_VOLATILITY, incomplete)


def policies(ctx: click.Context, _: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Return policies that are built in and those that the settings name; files are policies."""
    from vmfit_comparator.policies.policy import BUILT_IN_NAMES  # noqa: PLC0415 -- slow to load

    return names_and_files((*BUILT_IN_NAMES, *_configured(ctx)), incomplete)


def virsh_words(incomplete: str) -> list[CompletionItem]:
    """Return options of `virsh migrate`; other words are files: XML."""
    from vmfit_comparator.virsh_options import SPELLINGS  # noqa: PLC0415 -- few need them

    return names_and_files(SPELLINGS if incomplete.startswith("-") else (), incomplete)


def _vms_of(ctx: click.Context, host: str) -> list[str]:
    from vmfit.v1.comparator_service_pb2 import GetHostSnapshotRequest  # noqa: PLC0415 -- as below
    from vmfit_comparator.commands.asking import Asking, ClientFiles  # noqa: PLC0415
    from vmfit_comparator.commands.references import host_reference  # noqa: PLC0415
    from vmfit_comparator.commands.session import comparator  # noqa: PLC0415

    settings = _settings(ctx)
    values = option_values(settings)

    def chosen(name: str) -> Any:  # noqa: ANN401 -- as the option has it
        source = ctx.get_parameter_source(name)
        is_said = source in (ParameterSource.COMMANDLINE, ParameterSource.ENVIRONMENT)
        return ctx.params.get(name) if is_said else values.get(name)

    files = [None if each is None else Path(each) for each in map(chosen, _TLS)]
    asking = Asking(chosen("server"), _VM_SECONDS, bool(chosen("insecure")), ClientFiles(*files))
    request = GetHostSnapshotRequest(host=host_reference(host), parts=["domains"])
    with comparator(settings, asking) as answering:
        snapshot = answering.host_snapshot(request).snapshot
    return sorted(each.name for each in snapshot.domains.vms)


def _settings(ctx: click.Context) -> Settings:
    try:
        return read_settings(ctx.find_root().params.get("config"))
    except SettingsError:
        return Settings()


def _configured(ctx: click.Context) -> Iterator[str]:
    from vmfit_comparator.policies.policy_error import PolicyError  # noqa: PLC0415
    from vmfit_comparator.policies.policy_file import read_policy  # noqa: PLC0415

    for path in _settings(ctx).values.get("policies", ()):
        try:
            yield read_policy(Path(path)).name
        except PolicyError:
            continue
