"""The rows of all test_facts_*.py, by fact."""

import importlib
from collections import Counter
from pathlib import Path

from tests.comparator.tables import Row
from vmfit_comparator.facts import BUILT_IN

_MODULES = sorted(path.stem for path in Path(__file__).parent.glob("test_facts_*.py"))


def _all_rows() -> dict[str, list[Row]]:
    rows: dict[str, list[Row]] = {}
    for each in _MODULES:
        module = importlib.import_module(f"tests.comparator.{each}")
        for name, table in getattr(module, "TABLES", {}).items():
            rows.setdefault(name, []).extend(table)
    return rows


def repeated(rows: list[Row]) -> list[str]:
    """Return what more than one row is called."""
    return [name for name, count in Counter(row[0] for row in rows).items() if count > 1]


ROWS = _all_rows()
"""Of every fact, in the order of its tables; the facts in no particular order."""
WITH_ROWS = [(name, row) for name in BUILT_IN for row in ROWS.get(name, ())]
