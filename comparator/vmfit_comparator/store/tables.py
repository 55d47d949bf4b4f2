"""The store's tables. A change to them is a new SCHEMA_VERSION."""

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
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
)

SCHEMA_VERSION = 1


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
