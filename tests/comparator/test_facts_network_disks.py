"""Disks that QEMU opens over the network."""

import pytest

from tests.comparator.builders import answer, finding, migration
from tests.comparator.probed_disks import REACHED, SERVER, network_disk, tried
from tests.comparator.tables import case_of, cases

TABLES = {"storage.network_reach": REACHED}


@pytest.mark.parametrize(("fact", "row"), cases(TABLES))
def test_answer(fact, row):
    found = finding(fact, case_of(row))
    assert (found.answer, found.error) == (answer(row[2]), ""), found.reason


def test_the_reason_has_the_words_of_qemu():
    found = finding("storage.network_reach", migration(tried(SERVER, reason="Connection refused")))
    assert "Connection refused" in found.reason
    assert "192.0.2.9:10809" in found.reason


def test_what_was_not_tried_says_why():
    changes = {**network_disk(SERVER), "probes.not_asked": "the request forbids probes"}
    assert "request" in finding("storage.network_reach", migration(changes)).reason
