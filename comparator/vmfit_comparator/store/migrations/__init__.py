"""Steps from each version of the store's tables to the next, by Alembic. A step never changes."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection

# How Alembic knows the tables that stores had before there were steps.
_FIRST = "0001"


def upgrade(connection: Connection, version: int | None) -> None:
    """Make the tables, or bring those of `version` to the latest one, in the caller's transaction.

    `version` is None where there are none.
    """
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    if version == 1:
        command.stamp(config, _FIRST)
    command.upgrade(config, "head")
