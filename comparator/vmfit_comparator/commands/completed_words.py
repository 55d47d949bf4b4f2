"""What a shell offers for hosts, facts, parts, policies and virsh's words.

Each function is click's `shell_complete` of an option or argument. Settings that cannot be used
offer nothing.
"""

from collections.abc import Iterator
from pathlib import Path

import click
from click.shell_completion import CompletionItem

from vmfit_comparator.settings import Settings, SettingsError, read_settings
from vmfit_contract.command_line.completion import matching, names_and_files


def hosts(ctx: click.Context, _: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Return hosts of the inventory; files are snapshots."""
    return names_and_files(_settings(ctx).values.get("hosts", {}), incomplete)


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
