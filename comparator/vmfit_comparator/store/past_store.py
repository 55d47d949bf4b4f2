"""The past of hosts in the store: parts by digest, a row for each change, numbers now and then."""

import hashlib
import zlib
from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import Connection, Table, delete, func, select, text, update
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert

from vmfit_comparator.store.records import Moment, Run, StoreError
from vmfit_comparator.store.store import Store
from vmfit_comparator.store.tables import BODIES, RUNS, SAMPLES, STATES

# What changes at any moment is kept so often while nothing else does.
_SAMPLE_SECONDS = 600
# That a host was seen again is written so often.
_SEEN_SECONDS = 60
_SAMPLES_SECONDS = 86_400
# More than any part has; what unfolds to more was not written by this program.
_MAX_BODY_BYTES = 64 * 1024 * 1024
# Any number that is the same everywhere.
_FORGETTING = 6_386_348_002
# What a row takes beside its content, with its indexes.
_ROW_BYTES = 150
# Of the rows, the share that goes at a time when there are too many.
_SHARE = 10


class PastStore:
    """Keeps what hosts were. Safe to use from several threads and processes.

    Every method raises StoreError when the store cannot be used. Times are Unix time.
    """

    def __init__(self, store: Store) -> None:
        self._store = store

    def add(self, moments: Iterable[Moment]) -> None:
        """Keep what hosts were, all or nothing; what is older than a host's latest is left out."""
        with self._store.transaction() as connection:
            _lock(connection, alone=False)
            for each in moments:
                _add(connection, each)

    def at(self, host: str, at_seconds: float) -> Moment | None:
        """Return the latest that is known of a host at a time; None when nothing is."""
        at = _us(at_seconds)
        with self._store.transaction() as connection:
            run = connection.execute(
                select(RUNS)
                .where(RUNS.c.host == host, RUNS.c.since_us <= at)
                .order_by(RUNS.c.since_us.desc())
                .limit(1)
            ).first()
            if run is None:
                return None
            sample = connection.execute(
                select(SAMPLES)
                .where(SAMPLES.c.host == host, SAMPLES.c.at_us.between(run.since_us, at))
                .order_by(SAMPLES.c.at_us.desc())
                .limit(1)
            ).first()
            taken, numbers = (
                (run.since_us, run.numbers) if sample is None else (sample.at_us, sample.numbers)
            )
            parts = _parts(connection, run.state)
            return Moment(host, taken / 1e6, parts, _unpacked(numbers, host))

    def parts(self, state: bytes) -> Mapping[str, bytes]:
        """Return the parts of a state."""
        with self._store.transaction() as connection:
            return _parts(connection, state)

    def runs(self, host: str, since_seconds: float, until_seconds: float) -> list[Run]:
        """Return a host's states between two times, the earliest first, neighbours different.

        The first is the one that the host was in at `since_seconds`, where that is known.
        """
        since = _us(since_seconds)
        first = (
            select(func.max(RUNS.c.since_us))
            .where(RUNS.c.host == host, RUNS.c.since_us <= since)
            .scalar_subquery()
        )
        query = (
            select(RUNS.c.since_us, RUNS.c.until_us, RUNS.c.state)
            .where(
                RUNS.c.host == host,
                RUNS.c.since_us >= func.coalesce(first, since),
                RUNS.c.since_us <= _us(until_seconds),
            )
            .order_by(RUNS.c.since_us)
        )
        found: list[Run] = []
        with self._store.transaction() as connection:
            for row in connection.execute(query):
                run = Run(row.since_us / 1e6, row.until_us / 1e6, row.state)
                # Several comparators may have seen one change.
                if found and found[-1].state == run.state:
                    run = Run(found.pop().since_seconds, run.until_seconds, run.state)
                found.append(run)
        return found

    def samples(self, host: str, since_seconds: float, until_seconds: float) -> list[float]:
        """Return when what changes at any moment was kept of a host, the earliest first."""
        query = (
            select(SAMPLES.c.at_us)
            .where(
                SAMPLES.c.host == host,
                SAMPLES.c.at_us.between(_us(since_seconds), _us(until_seconds)),
            )
            .order_by(SAMPLES.c.at_us)
        )
        with self._store.transaction() as connection:
            return [each / 1e6 for each in connection.scalars(query)]

    def hosts(self) -> list[str]:
        """Return the hosts that have a past, sorted."""
        with self._store.transaction() as connection:
            return list(connection.scalars(select(RUNS.c.host).distinct().order_by(RUNS.c.host)))

    def forget(self, now_seconds: float, kept_seconds: float, most_bytes: int) -> None:
        """Forget what ended longer ago, then the oldest until the rest has so many bytes."""
        before = _us(now_seconds - kept_seconds)
        samples_before = max(before, _us(now_seconds - _SAMPLES_SECONDS))
        with self._store.transaction() as connection:
            _lock(connection, alone=True)
            connection.execute(delete(RUNS).where(RUNS.c.until_us < before))
            connection.execute(delete(SAMPLES).where(SAMPLES.c.at_us < samples_before))
            _sweep(connection)
            while _size(connection) > most_bytes and _drop_oldest(connection):
                _sweep(connection)

    def size_bytes(self) -> int:
        """Return what the past takes, about."""
        with self._store.transaction() as connection:
            return _size(connection)


def _lock(connection: Connection, *, alone: bool) -> None:
    """Let nobody forget what is being referred to meanwhile."""
    if connection.dialect.name == "postgresql":
        taken = "pg_advisory_xact_lock" if alone else "pg_advisory_xact_lock_shared"
        connection.execute(text(f"SELECT {taken}(:key)").bindparams(key=_FORGETTING))
    elif not connection.connection.dbapi_connection.in_transaction:  # type: ignore[union-attr]
        # The sqlite3 module would begin at the first change, after what is read.
        connection.exec_driver_sql("BEGIN IMMEDIATE")


def _add(connection: Connection, moment: Moment) -> None:
    at = _us(moment.at_seconds)
    digests = {part: hashlib.sha256(body).digest() for part, body in moment.parts.items()}
    listed = b"".join(part.encode() + b"\0" + digest for part, digest in sorted(digests.items()))
    state = hashlib.sha256(listed).digest()
    host = RUNS.c.host == moment.host
    latest = connection.execute(
        select(RUNS.c.since_us, RUNS.c.until_us, RUNS.c.state)
        .where(host)
        .order_by(RUNS.c.since_us.desc())
        .limit(1)
    ).first()
    if latest is not None and at <= latest.until_us:
        return
    if latest is None or latest.state != state:
        _keep_state(connection, state, digests, moment.parts)
        _insert(
            connection,
            RUNS,
            {
                "host": moment.host,
                "since_us": at,
                "until_us": at,
                "state": state,
                "numbers": zlib.compress(moment.numbers),
            },
        )
        return
    if at - latest.until_us >= _us(_SEEN_SECONDS):
        seen = update(RUNS).where(host, RUNS.c.since_us == latest.since_us, RUNS.c.until_us < at)
        connection.execute(seen.values(until_us=at))
    last = connection.execute(
        select(func.max(SAMPLES.c.at_us)).where(SAMPLES.c.host == moment.host)
    ).scalar()
    if at - max(last or 0, latest.since_us) >= _us(_SAMPLE_SECONDS):
        numbers = zlib.compress(moment.numbers)
        _insert(connection, SAMPLES, {"host": moment.host, "at_us": at, "numbers": numbers})


def _keep_state(
    connection: Connection,
    state: bytes,
    digests: Mapping[str, bytes],
    parts: Mapping[str, bytes],
) -> None:
    known = set(
        connection.scalars(select(BODIES.c.digest).where(BODIES.c.digest.in_(digests.values())))
    )
    for part, digest in digests.items():
        if digest not in known:
            body = zlib.compress(parts[part])
            _insert(connection, BODIES, {"digest": digest, "body": body})
    for part, digest in digests.items():
        _insert(connection, STATES, {"state": state, "part": part, "digest": digest})


def _insert(connection: Connection, table: Table, values: Mapping[str, Any]) -> None:
    """Add a row, unless another comparator was faster."""
    kind = postgresql_insert if connection.dialect.name == "postgresql" else sqlite_insert
    connection.execute(kind(table).values(values).on_conflict_do_nothing())


def _parts(connection: Connection, state: bytes) -> dict[str, bytes]:
    rows = connection.execute(
        select(STATES.c.part, BODIES.c.digest, BODIES.c.body)
        .join(BODIES, BODIES.c.digest == STATES.c.digest)
        .where(STATES.c.state == state)
    )
    found = {row.part: _unpacked(row.body, row.part) for row in rows}
    if not found:
        raise StoreError("a state of the past has no parts")
    return found


def _unpacked(packed: bytes, what: str) -> bytes:
    try:
        content = zlib.decompressobj().decompress(packed, _MAX_BODY_BYTES)
    except (zlib.error, TypeError):
        raise StoreError(f"what is kept of {what[:100]!a} is damaged") from None
    if len(content) == _MAX_BODY_BYTES:
        raise StoreError(f"what is kept of {what[:100]!a} is damaged")
    return content


def _sweep(connection: Connection) -> None:
    """Forget states that no host was in, and bodies of no state."""
    connection.execute(delete(STATES).where(STATES.c.state.not_in(select(RUNS.c.state))))
    connection.execute(delete(BODIES).where(BODIES.c.digest.not_in(select(STATES.c.digest))))


def _size(connection: Connection) -> int:
    sizes = (
        select(func.coalesce(func.sum(func.length(BODIES.c.body) + _ROW_BYTES), 0)),
        select(func.count() * _ROW_BYTES).select_from(STATES),
        select(func.coalesce(func.sum(func.length(RUNS.c.numbers) + _ROW_BYTES), 0)),
        select(func.coalesce(func.sum(func.length(SAMPLES.c.numbers) + _ROW_BYTES), 0)),
    )
    return sum(int(connection.execute(each).scalar_one()) for each in sizes)


def _drop_oldest(connection: Connection) -> bool:
    """Forget the oldest tenth of the samples, or of the runs where there are none."""
    for table, at in ((SAMPLES, SAMPLES.c.at_us), (RUNS, RUNS.c.until_us)):
        count = connection.execute(select(func.count()).select_from(table)).scalar_one()
        if count:
            nth = select(at).order_by(at).offset((count - 1) // _SHARE).limit(1)
            last = connection.execute(nth).scalar_one()
            connection.execute(delete(table).where(at <= last))
            return True
    return False


def _us(seconds: float) -> int:
    return round(seconds * 1e6)
