"""Comparing CPUs agrees with libvirt's own answers for other people's processors.

Of the open half of the corpus: `virsh cpu-compare` 4998 of 4998 (65 more definitions are errors to
libvirt: a model or a feature that it does not know; see test_cpu_oracle_facts.py), a host's CPU on
another host 419 of 419, `virsh hypervisor-cpu-compare` 438 of 438 (and 8 errors of the same kind).
28 answers are about ppc64, where libvirt compares models instead of features: see
test_cpu_oracle_facts.py.
"""

from collections.abc import Iterator

import pytest

from tests.comparator.cpu_corpus import NEEDS_CORPUS, answers, assert_agreement, guest, host
from vmfit_comparator.knowledge.cpu.compare import Comparison, compare
from vmfit_contract.cpu_features import features, names

pytestmark = NEEDS_CORPUS


def differs(pair: dict, found: Comparison) -> str:
    """Say how our answer differs from libvirt's; empty when it does not."""
    wanted = (
        pair["result"],
        names(features(pair.get("missing", ()))),
        # Told in the message alone by `virsh hypervisor-cpu-compare`.
        names(features(pair.get("forbidden_present", map(str, found.forbidden)))),
    )
    ours = (found.fit.name, names(found.missing), names(found.forbidden))
    return "" if wanted == ours else f"{pair}: libvirt {wanted}, vmfit {ours}"


def pairs(kind: str) -> Iterator[tuple[dict, str, str]]:
    """Yield the pairs that libvirt could compare, with the files of host and guest."""
    recorded = answers("cpu_pairs")
    for pair in recorded[kind]:
        if pair["result"] == "ERROR":
            continue
        file = (
            recorded["guests"][pair["guest"]]["file"]
            if kind == "pairs"
            else recorded["hosts"][pair["cpu_of_host"]]
        )
        yield pair, recorded["hosts"][pair["host"]], file


@pytest.mark.parametrize(("kind", "least"), [("pairs", 4900), ("host_pairs", 400)])
def test_processors(kind, least):
    compared, wrong = 0, []
    for pair, host_file, guest_file in pairs(kind):
        compared += 1
        difference = differs(pair, compare(guest(guest_file), *host(host_file)))
        if difference:
            wrong.append(difference)
    assert_agreement(f"cpu_pairs, {kind}", wrong, compared, least)


def test_hypervisors():
    compared, wrong = 0, []
    for each in answers("hypervisor")["hosts"]:
        offered = host(each["domcapabilities"])
        for answer in each["answers"]:
            if answer["result"] == "ERROR":
                continue
            compared += 1
            difference = differs(answer, compare(guest(answer["guest"]), *offered))
            if difference:
                wrong.append(f"{each['host']}: {difference}")
    assert_agreement("hypervisor", wrong, compared, 400)
