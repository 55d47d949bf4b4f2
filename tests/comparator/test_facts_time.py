"""The clocks of both hosts."""

import pytest

from tests.comparator.builders import answer, finding
from tests.comparator.tables import case_of, cases
from vmfit.v1.finding_pb2 import Quality

SYNCHRONISED = "clock.synchronised"


def apart(seconds, give_or_take=0.0):
    return {"clock.difference_seconds": seconds, "clock.uncertainty_seconds": give_or_take}


SKEW = [
    ("together", {}, "YES"),
    ("within a tenth of a second", apart(-0.09), "YES"),
    ("a second apart", apart(1.0), "PROBABLY_YES"),
    ("a day apart", apart(86400.0), "PROBABLY_NO"),
    ("a slow network hides the difference", apart(0.5, 0.45), "YES"),
    ("measured, whatever the kernels say", {f"hosts.{SYNCHRONISED}": None}, "YES"),
    ("both synchronised, not measured", apart(None), "PROBABLY_YES"),
    ("one adrift", {f"destination.{SYNCHRONISED}": False, **apart(None)}, "NO_IDEA"),
    ("one does not tell", {f"source.{SYNCHRONISED}": None, **apart(None)}, "NO_IDEA"),
    ("no clock", {"destination.clock": None, **apart(None)}, "NO_IDEA"),
]
LOCAL = {"vm.clock_offset": "localtime"}
ZONE = [
    ("UTC", {"destination.clock.time_zone": "Europe/Berlin"}, "YES"),
    ("one zone", LOCAL, "YES"),
    ("another zone", {**LOCAL, "destination.clock.time_zone": "Europe/Berlin"}, "PROBABLY_YES"),
    ("a zone is not known", {**LOCAL, "source.clock.time_zone": None}, "NO_IDEA"),
    ("not collected", {**LOCAL, "destination.clock": None}, "NO_IDEA"),
]
TABLES = {"time.skew": SKEW, "time.zone": ZONE}


@pytest.mark.parametrize(("fact", "row"), cases(TABLES))
def test_answer(fact, row):
    found = finding(fact, case_of(row))
    assert (found.answer, found.error) == (answer(row[2]), ""), found.reason


def test_the_reason_tells_the_difference():
    found = finding("time.skew", case_of(("", apart(-3.5), "")))
    assert "-3.500 s" in found.reason
    assert found.remedies[0].HasField("synchronise_clock")


def test_another_zone_is_worse():
    (row,) = [each for each in ZONE if each[0] == "another zone"]
    found = finding("time.zone", case_of(row))
    assert found.quality == Quality.QUALITY_REDUCED
    assert "Europe/Berlin" in found.reason
