"""vmfit-agent site-key: the key by which the agents of one site mask and hash alike."""

from pathlib import Path

import click

from vmfit_contract.command_line.commands import Command
from vmfit_contract.command_line.exit_status import AskedWronglyError
from vmfit_contract.masking.site_key import SiteKeyError, make_site_key
from vmfit_contract.printable import printable

DEFAULT_PATH = Path("/etc/vmfit/site.key")


@click.command("site-key", cls=Command)
@click.argument("file", metavar="[FILE]", default=DEFAULT_PATH, type=click.Path(path_type=Path))
def command(*, file: Path) -> int:
    """Make a key in FILE (/etc/vmfit/site.key), which root alone may read.

    Copy it to the site's other hosts: what is masked or hashed by one key has equal names where it
    is equal. Who has the key can confirm a guess, so that it does not leave the site.
    """
    try:
        make_site_key(file)
    except SiteKeyError as error:
        raise AskedWronglyError(str(error)) from None
    click.echo(printable(f"{file}: made"))
    return 0
