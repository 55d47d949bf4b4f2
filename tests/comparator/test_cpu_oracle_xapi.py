"""Comparing CPUs agrees with the unit tests of XAPI, whose CPUs are words of bits.

Of the open half of the corpus: intersect 8 of 8, equality 6 of 6, comparisons 8 of 8 and "is this
VM compatible" 4 of 4. Left out for want of a meaning here: in one case each of intersect and
comparisons no words at all mean "everything", where vmfit says no-idea; the suites about XAPI's own
notation (string_of_features, features_of_string, roundtrips, parse_failure, extend, zero_extend)
and records (accessors, setters, modifiers, next_boot_cpu_features).
"""

from collections.abc import Sequence

import pytest

from tests.comparator.cpu_corpus import NEEDS_CORPUS, answers, assert_agreement
from vmfit.v1.snapshot_pb2 import Snapshot
from vmfit.v1.vm_pb2 import GuestCpu
from vmfit_comparator.baselines.baseline import baseline
from vmfit_comparator.knowledge.cpu.compare import Fit, compare
from vmfit_contract.cpu_features import features

pytestmark = NEEDS_CORPUS


def names(words: Sequence[int]) -> set[str]:
    """A name for every bit that is set."""
    return {
        f"word{index}.{bit}"
        for index, word in enumerate(words)
        for bit in range(32)
        if word >> bit & 1
    }


def guest(words: Sequence[int]) -> GuestCpu:
    return GuestCpu(expanded_features=sorted(names(words)), expanded=True)


def words_of(text: str) -> list[int]:
    return [int(word, 16) for word in text.split("-")]


def cases(suite: str):
    for case in answers("xapi_features")["suites"][suite]["cases"]:
        if suite not in {"intersect", "comparisons"} or all(case["input"]):
            yield case


def common(first: Sequence[int], second: Sequence[int]) -> set[str]:
    hosts = {}
    for name, words in (("first", first), ("second", second)):
        hosts[name] = Snapshot()
        hosts[name].cpu.architecture = "x86_64"
        # A baseline of nothing is refused: one feature that both have.
        hosts[name].cpu.features.extend(sorted(names(words) | {"any"}))
    return set(baseline(hosts).features) - {"any"}


def fits(first: Sequence[int], second: Sequence[int]) -> tuple[bool, bool]:
    found = compare(guest(first), features(names(second))).fit
    return found is not Fit.INCOMPATIBLE, found is Fit.SUPERSET


@pytest.mark.parametrize(
    ("suite", "ours", "theirs"),
    [
        ("intersect", common, names),
        ("comparisons", fits, tuple),
        ("equality", lambda first, second: names(first) == names(second), bool),
    ],
)
def test_words(suite, ours, theirs):
    compared, wrong = 0, []
    for case in cases(suite):
        compared += 1
        if ours(*case["input"]) != theirs(case["expected"]):
            wrong.append(str(case))
    assert_agreement(f"xapi, {suite}", wrong, compared, 5)


def test_vm_is_compatible():
    suite = answers("xapi_features")["suites"]["test_assert_vm_is_compatible"]
    compared, wrong = 0, []
    for case in suite["cases"]:
        _, kind, flags = case["input"]
        flags = dict(flags)
        compared += 1
        cpu = guest(words_of(flags["cpu_info_features_key"]))
        cpu.vendor = flags["cpu_info_vendor_key"]
        host = features(names(words_of(suite["constants"][f"features_{kind}"])))
        found = compare(cpu, host, "Abacus")
        if (found.fit is not Fit.INCOMPATIBLE) != ("ok" in case["expected"]):
            wrong.append(str(case))
        reason = str(case["expected"])
        if bool(found.vendor) != ("different vendor" in reason):
            wrong.append(f"{case}: {found}")
        if bool(found.missing) != ("does not have" in reason):
            wrong.append(f"{case}: {found}")
    assert_agreement("xapi, test_assert_vm_is_compatible", wrong, compared, 3)
