"""The catalogue: every built-in fact, area by area."""

from collections.abc import Mapping

from vmfit_comparator.evaluation.catalogue import catalogue, facts_below
from vmfit_comparator.evaluation.fact import Fact

AREAS = (
    *("host", "policy", "hv", "sw", "cpu", "machine", "mem", "numa", "storage", "net", "dev", "fw"),
    *("tpm", "sec", "domain", "vm", "job", "limits", "time", "return"),
)
"""In the order in which people read them; areas of others come after."""

BUILT_IN: Mapping[str, Fact] = catalogue(facts_below(__name__), AREAS)
