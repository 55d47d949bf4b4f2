"""Reading the settings again while the comparator serves."""

import logging
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

import click

from vmfit_comparator.settings import Settings, SettingsError, option_values, read_settings
from vmfit_contract.command_line.commands import ARGUMENTS
from vmfit_contract.service_life import ReloadRefused

_LOG = logging.getLogger(__name__)

Parameters = Mapping[str, Any]
Change = Callable[[Settings, Parameters], None]


def reloader(ctx: click.Context, changeable: Collection[str], change: Change) -> Callable[[], None]:
    """Return what reads settings and parameters of a running command again, to take effect.

    `change` raises ReloadRefused, or a command's error, before it has changed anything. Of
    parameters that differ and are not changeable, the log says that they take a restart.
    """
    running = dict(ctx.params)

    def reload() -> None:
        try:
            settings, fresh = _configuration(ctx)
            change(settings, fresh)
        except SettingsError as error:
            raise ReloadRefused(str(error)) from None
        except click.ClickException as error:
            raise ReloadRefused(error.format_message()) from None
        for name, value in fresh.items():
            if name in changeable:
                running[name] = value
            elif value != running[name]:
                _LOG.warning("%s has changed, which takes a restart", name)

    return reload


def _configuration(ctx: click.Context) -> tuple[Settings, Parameters]:
    group, name = ctx.parent, ctx.info_name
    assert group is not None
    assert name is not None
    arguments: Sequence[str] = ctx.meta[ARGUMENTS]
    settings = read_settings(group.params["config"])
    outer = click.Context(
        group.command, info_name=group.info_name, default_map={name: option_values(settings)}
    )
    return settings, ctx.command.make_context(name, list(arguments), parent=outer).params
