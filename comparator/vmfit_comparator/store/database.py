"""Opens the store's database: SQLite or PostgreSQL, with its tables made at the first use."""

import os
import sqlite3
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, inspect, select, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from vmfit_comparator.store.records import StoreError
from vmfit_comparator.store.tables import SCHEMA, SCHEMA_VERSION

# A check waits no longer than this for a store that is busy or away.
_WAIT_SECONDS = 3
_LOOK_AGAIN_SECONDS = 0.02
_MODE = 0o600
# Any number that is the same everywhere: who makes the tables keeps others from doing so.
_MAKING_TABLES = 6_386_348_001
_DRIVERS = {"sqlite": "sqlite+pysqlite", "postgresql": "postgresql+psycopg"}


def connect(url: str) -> Engine:
    """Return an engine for "sqlite:///PATH" or "postgresql://..."; nothing is opened yet.

    Raises StoreError for any other URL, and for PostgreSQL without its driver.
    """
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):
        raise StoreError("store: not a URL such as sqlite:////var/lib/vmfit/store.db") from None
    driver = _DRIVERS.get(parsed.drivername)
    if driver is None:
        raise StoreError(f"store: {parsed.drivername[:40]!r} is neither sqlite nor postgresql")
    if driver.startswith("sqlite"):
        if not parsed.database or parsed.database == ":memory:":
            raise StoreError("store: the URL names no file")
        engine = create_engine(
            parsed.set(drivername=driver),
            pool_timeout=_WAIT_SECONDS,
            connect_args={"timeout": _WAIT_SECONDS},
        )
        event.listen(engine, "do_connect", _make_private)
        event.listen(engine, "connect", _prepare_sqlite)
        return engine
    try:
        return create_engine(
            parsed.set(drivername=driver),
            pool_pre_ping=True,
            pool_timeout=_WAIT_SECONDS,
            connect_args={
                "connect_timeout": _WAIT_SECONDS,
                "tcp_user_timeout": _WAIT_SECONDS * 1000,
                "options": f"-c lock_timeout={_WAIT_SECONDS}s"
                f" -c statement_timeout={10 * _WAIT_SECONDS}s",
            },
        )
    except ModuleNotFoundError:
        raise StoreError("store: PostgreSQL needs psycopg: vmfit-comparator[postgresql]") from None


def ensure_schema(connection: Connection) -> None:
    """Make or upgrade the tables unless they are as this version wants them.

    Raises StoreError when a later version made them.
    """
    version = _version(connection)
    if version is None or version < SCHEMA_VERSION:
        # Alembic costs as much as a small check: only who has something to upgrade pays for it.
        from vmfit_comparator.store.migrations import upgrade  # noqa: PLC0415

        _keep_others_from_it(connection)
        version = _version(connection)
        if version is None or version < SCHEMA_VERSION:
            upgrade(connection, version)
            version = _version(connection)
    if version != SCHEMA_VERSION:
        raise StoreError(
            f"holds tables of schema version {version}, this vmfit knows {SCHEMA_VERSION}"
        )


def _version(connection: Connection) -> int | None:
    if not inspect(connection).has_table(SCHEMA.name):
        return None
    version: int | None = connection.execute(select(SCHEMA.c.version)).scalar()
    return version


def _keep_others_from_it(connection: Connection) -> None:
    if connection.dialect.name == "postgresql":
        connection.execute(
            text("SELECT pg_advisory_xact_lock(:key)").bindparams(key=_MAKING_TABLES)
        )
    else:
        # The sqlite3 module begins transactions before changes of rows alone: without this each
        # table would be there for others before the version is.
        connection.exec_driver_sql("BEGIN IMMEDIATE")


def _make_private(_dialect: Any, _record: Any, arguments: list[Any], _options: Any) -> None:  # noqa: ANN401 -- SQLAlchemy's
    """Make a new database for its owner alone; SQLite gives the files beside it the same mode.

    Root makes one for whom its directory is: a service goes on with what `vmfit doctor` began.
    """
    path = str(arguments[0])
    if path.startswith("file:"):
        return
    # That it is there already, and whatever else is wrong, SQLite will say.
    with suppress(OSError, ValueError):
        new = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, _MODE)
        try:
            if os.geteuid() == 0:
                directory = Path(path).absolute().parent.stat()
                os.fchown(new, directory.st_uid, directory.st_gid)
        finally:
            os.close(new)


def _prepare_sqlite(connection: sqlite3.Connection, _: Any) -> None:  # noqa: ANN401 -- the pool's
    # Text that is no UTF-8 any more costs its row alone.
    connection.text_factory = lambda text: text.decode(errors="surrogateescape")
    cursor = connection.cursor()
    cursor.execute("PRAGMA foreign_keys = ON")
    # Readers and the one writer do not wait for each other, and a check costs no flush of the
    # disk: a crash of the host may lose the latest checks, never the database.
    _write_ahead(cursor)
    cursor.execute("PRAGMA synchronous = NORMAL")
    cursor.close()


def _write_ahead(cursor: sqlite3.Cursor) -> None:
    # SQLite does not wait when several open a new database at once and all change its mode.
    give_up_at = time.monotonic() + _WAIT_SECONDS
    while True:
        try:
            cursor.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() >= give_up_at:
                raise
            time.sleep(_LOOK_AGAIN_SECONDS)
        else:
            return
