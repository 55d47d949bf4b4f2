"""The store: checks and outcomes in a database."""

import secrets
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Connection, delete, func, insert, select
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from vmfit_comparator.store.database import connect, ensure_schema
from vmfit_comparator.store.records import CheckRecord, OutcomeRecord, StoreError
from vmfit_comparator.store.rows import check_of, check_row, outcome_of
from vmfit_comparator.store.tables import CHECKS, OUTCOMES

DEFAULT_KEPT_CHECKS = 100_000

# So many checks may come before the oldest are forgotten: counting costs more than adding.
_SLACK = 100
_SHOWN_CHARACTERS = 300
_MALFORMED = "malformed"


class Store:
    """Keeps checks and their outcomes. Safe to use from several threads and processes.

    The newest `kept_checks` checks without an outcome are kept, and as many with one: those are
    rare and worth more. The database is opened at the first use; every method then raises
    StoreError when it cannot be used, and so does the constructor for a URL that is none.
    """

    def __init__(self, url: str, kept_checks: int = DEFAULT_KEPT_CHECKS) -> None:
        self._engine = connect(url)
        self._name = make_url(url).render_as_string(hide_password=True)
        self._kept_checks = kept_checks
        self._slack = min(_SLACK, kept_checks // 10)
        self._lock = threading.Lock()
        self._is_ready = False
        # Anywhere, since a command adds one check and ends: one of many has the work.
        self._until_forgetting = secrets.randbelow(self._slack + 1)

    @property
    def file(self) -> Path | None:
        """The file of a SQLite database; None of any other, and of one in memory."""
        url = self._engine.url
        is_file = url.get_backend_name() == "sqlite" and url.database not in (None, "", ":memory:")
        return Path(str(url.database)) if is_file else None

    def close(self) -> None:
        """Close the connections."""
        self._engine.dispose()

    def add_check(self, check: CheckRecord) -> None:
        """Keep a check."""
        with self.transaction() as connection:
            connection.execute(insert(CHECKS).values(check_row(check)))
            with self._lock:
                self._until_forgetting -= 1
                due = self._until_forgetting < 0
                if due:
                    self._until_forgetting = self._slack
            if due:
                self._forget(connection)

    def check(self, check_id: str) -> CheckRecord | None:
        """Return a check, None when it is not there (any more)."""
        with self.transaction() as connection:
            query = select(CHECKS).where(CHECKS.c.id == check_id)
            row = connection.execute(query).mappings().first()
            return None if row is None else check_of(row)

    def put_outcome(self, check_id: str, outcome: OutcomeRecord) -> OutcomeRecord | None:
        """Keep what became of a check's migration; return what was kept before, if anything."""
        with self.transaction() as connection:
            # The check's row is what two reports at the same time wait for.
            connection.execute(select(CHECKS.c.id).where(CHECKS.c.id == check_id).with_for_update())
            replaced = delete(OUTCOMES).where(OUTCOMES.c.check_id == check_id)
            before = connection.execute(replaced.returning(OUTCOMES)).mappings().first()
            connection.execute(
                insert(OUTCOMES).values(
                    check_id=check_id,
                    reported_at_us=int(time.time() * 1e6),
                    outcome=outcome.outcome,
                    text=outcome.text,
                    causes=list(outcome.causes),
                )
            )
            return None if before is None else outcome_of(before)

    def outcomes(self) -> Iterator[tuple[CheckRecord, OutcomeRecord]]:
        """Yield all checks that have an outcome, the oldest first."""
        query = (
            select(CHECKS, OUTCOMES.c.outcome, OUTCOMES.c.text, OUTCOMES.c.causes)
            .join(OUTCOMES, OUTCOMES.c.check_id == CHECKS.c.id)
            .order_by(CHECKS.c.checked_at_us)
            .execution_options(yield_per=500)
        )
        with self.transaction() as connection:
            for row in connection.execute(query).mappings():
                yield check_of(row), outcome_of(row)

    def count_checks(self) -> int:
        """Return how many checks there are."""
        with self.transaction() as connection:
            return connection.execute(select(func.count(CHECKS.c.checked_at_us))).scalar_one()

    def require_writable(self) -> None:
        """Take the rights that keeping a check needs, and keep nothing."""
        with self.transaction() as connection:
            connection.execute(delete(CHECKS).where(CHECKS.c.id == ""))

    def _forget(self, connection: Connection) -> None:
        with_outcome = CHECKS.c.id.in_(select(OUTCOMES.c.check_id))
        for chosen in (with_outcome, ~with_outcome):
            query = select(func.count(CHECKS.c.checked_at_us)).where(chosen)
            surplus = connection.execute(query).scalar_one() - self._kept_checks
            if surplus > 0:
                oldest = select(CHECKS.c.id).where(chosen).order_by(CHECKS.c.checked_at_us)
                surplus_ids = oldest.limit(surplus)
                connection.execute(delete(CHECKS).where(CHECKS.c.id.in_(surplus_ids)))

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """Yield a connection whose changes count together. Raises StoreError."""
        try:
            with self._engine.begin() as connection:
                if not self._is_ready:
                    ensure_schema(connection)
                yield connection
            self._is_ready = True
        except StoreError as error:
            raise StoreError(f"store {self._name}: {error}") from None
        except (SQLAlchemyError, sqlite3.Error) as error:
            where = self._damage() if _MALFORMED in str(error) else ""
            raise StoreError(f"store {self._name}: {_why(error)}{where}") from None
        except UnicodeError:
            # SQLite's own message shows a piece of the file.
            raise StoreError(f"store {self._name}: the file is damaged") from None

    def _damage(self) -> str:
        """Return what SQLite finds damaged first, such as a page; empty when it does not tell."""
        try:
            with self._engine.connect() as connection:
                found = connection.exec_driver_sql("PRAGMA quick_check(1)").scalar()
        except (SQLAlchemyError, sqlite3.Error, UnicodeError):
            return ""
        return f" ({_one_line(str(found))})"


def _why(error: Exception) -> str:
    # The driver's own words, without the statement and its values.
    cause = error.orig if isinstance(error, DBAPIError) else error
    return _one_line(str(cause)) or type(error).__name__


def _one_line(text: str) -> str:
    # What a damaged file holds may come with it.
    line = " ".join(text.split())[:_SHOWN_CHARACTERS]
    return "".join(each if each.isprintable() else "?" for each in line)
