"""The clocks of both hosts."""

import pytest

from tests.comparator.builders import answer, finding
from tests.comparator.tables import case_of, cases
from vmfit_comparator.facts.time import skew

SYNCHRONISED = "clock.synchronised"


def apart(seconds, give_or_take=0.0):
    return {"clock_difference_seconds": seconds, "clock_uncertainty_seconds": give_or_take}


SKEW = [
    ("together", {}, "YES"),
    ("within a tenth of a second", {}, "YES", apart(-0.09)),
    ("a second apart", {}, "PROBABLY_YES", apart(1.0)),
    ("a day apart", {}, "PROBABLY_NO", apart(86400.0)),
    ("a slow network hides the difference", {}, "YES", apart(0.5, 0.45)),
    ("measured, whatever the kernels say", {f"hosts.{SYNCHRONISED}": None}, "YES"),
    ("both synchronised, not measured", {}, "PROBABLY_YES", apart(None)),
    ("one adrift", {f"destination.{SYNCHRONISED}": False}, "NO_IDEA", apart(None)),
    ("one does not tell", {f"source.{SYNCHRONISED}": None}, "NO_IDEA", apart(None)),
    ("no clock", {"destination.clock": None}, "NO_IDEA", apart(None)),
]
TABLES = {skew: SKEW}


@pytest.mark.parametrize(("fact", "row"), cases(TABLES))
def test_answer(fact, row):
    found = finding(fact, case_of(row))
    assert (found.answer, found.error) == (answer(row[2]), ""), found.reason


def test_the_reason_tells_the_difference():
    found = finding(skew, case_of(("", {}, "", apart(-3.5))))
    assert "-3.500 s" in found.reason
    assert found.remedies[0].HasField("synchronise_clock")
