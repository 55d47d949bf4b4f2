"""Tables of cases for facts: one row for each way to an answer.

A module test_facts_AREA.py names its tables in `TABLES`, by the facts' ids; the rules over all
facts (test_fact_rules.py) use the same rows. A row is (what it shows, changes to a healthy
migration, the answer's name).
"""

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from tests.comparator.builders import migration
from vmfit_comparator.evaluation.case import Case

Row = tuple[Any, ...]
Tables = Mapping[str, Sequence[Row]]


def cases(tables: Tables) -> list[Any]:
    """Return (fact, row) for pytest.mark.parametrize, each with a readable name."""
    return [
        pytest.param(fact, row, id=f"{fact}: {row[0]}")
        for fact, rows in tables.items()
        for row in rows
    ]


def case_of(row: Row) -> Case:
    """Return the migration that a row describes."""
    return migration(row[1])
