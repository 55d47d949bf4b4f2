"""The store's tables. A change to them is a new SCHEMA_VERSION, and a step in migrations/."""

from collections.abc import Callable
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Dialect,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
)

SCHEMA_VERSION = 2


class _Json(TypeDecorator[Any]):
    """JSON; None where a damaged file holds something else, so that the row can be named."""

    impl = JSON
    cache_ok = True

    def result_processor(self, dialect: Dialect, coltype: object) -> Callable[[Any], Any] | None:
        read = super().result_processor(dialect, coltype)
        if read is None:
            return None

        def read_or_none(value: Any) -> Any:  # noqa: ANN401 -- JSON
            try:
                return read(value)
            except (ValueError, TypeError, RecursionError):
                return None

        return read_or_none


METADATA = MetaData()

SCHEMA = Table(
    "vmfit_schema",
    METADATA,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("version", Integer, nullable=False),
)

CHECKS = Table(
    "vmfit_checks",
    METADATA,
    Column("id", String(16), primary_key=True),
    # Microseconds of Unix time: the order in which checks are forgotten.
    Column("checked_at_us", BigInteger, nullable=False),
    Column("vm_name", Text, nullable=False),
    Column("vm_uuid", Text, nullable=False),
    Column("source_host", Text, nullable=False),
    Column("destination_host", Text, nullable=False),
    Column("options_digest", String(64), nullable=False),
    Column("policy", Text, nullable=False),
    Column("answer", Integer, nullable=False),
    Column("probability", Float),
    Column("acceptable", Boolean, nullable=False),
    Column("is_whole", Boolean, nullable=False),
    # {fact: [answer, consequence] or [answer, consequence, probability]}: a row for each of a
    # hundred facts would be most of the store.
    Column("findings", _Json, nullable=False),
    Index("vmfit_checks_by_time", "checked_at_us"),
)

OUTCOMES = Table(
    "vmfit_outcomes",
    METADATA,
    Column(
        "check_id", String(16), ForeignKey("vmfit_checks.id", ondelete="CASCADE"), primary_key=True
    ),
    Column("reported_at_us", BigInteger, nullable=False),
    Column("outcome", Integer, nullable=False),
    Column("text", Text, nullable=False),
    Column("causes", _Json, nullable=False),
)

# What parts of hosts said, each once however many hosts and times it was said at.
BODIES = Table(
    "vmfit_bodies",
    METADATA,
    # SHA-256 of the part's message in its binary form; an agent's own digest proves nothing.
    Column("digest", LargeBinary(32), primary_key=True),
    # The message, compressed by zlib.
    Column("body", LargeBinary, nullable=False),
)

# What a host was, apart from what changes at any moment: a digest of each part.
STATES = Table(
    "vmfit_states",
    METADATA,
    Column("state", LargeBinary(32), primary_key=True),
    Column("part", String(64), primary_key=True),
    Column("digest", LargeBinary(32), nullable=False),
    Index("vmfit_states_by_digest", "digest"),
    sqlite_with_rowid=False,
)

# From when until when a host was seen in a state: a row for each change.
RUNS = Table(
    "vmfit_runs",
    METADATA,
    Column("host", String(256), primary_key=True),
    Column("since_us", BigInteger, primary_key=True),
    Column("until_us", BigInteger, nullable=False),
    Column("state", LargeBinary(32), nullable=False),
    # What changes at any moment, as it was at `since_us`.
    Column("numbers", LargeBinary, nullable=False),
    Index("vmfit_runs_by_until", "until_us"),
    Index("vmfit_runs_by_state", "state"),
)

# What changes at any moment, as it was later in a run.
SAMPLES = Table(
    "vmfit_samples",
    METADATA,
    Column("host", String(256), primary_key=True),
    Column("at_us", BigInteger, primary_key=True),
    Column("numbers", LargeBinary, nullable=False),
    Index("vmfit_samples_by_time", "at_us"),
)
