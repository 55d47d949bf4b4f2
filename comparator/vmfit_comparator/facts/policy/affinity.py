"""Do the operators' placement rules let the guest go there?"""

from collections.abc import Hashable, Iterable
from fnmatch import fnmatchcase

from google.protobuf.struct_pb2 import Struct

from vmfit.v1.finding_pb2 import ChooseHost, Remedy
from vmfit.v1.snapshot_pb2 import Snapshot
from vmfit.v1.vm_pb2 import VM_STATE_SHUT_OFF
from vmfit_comparator.evaluation.case import Case
from vmfit_comparator.evaluation.fact import fact
from vmfit_comparator.evaluation.grouping import Grouping
from vmfit_comparator.evaluation.result import Result, no, no_idea, probably_no, yes


def _neighbours(destination: Snapshot) -> Hashable:
    """Return the guests that count where the destination has rules of placement."""
    if "placement" not in destination.attributes.values:
        return None
    return tuple(each.name for each in destination.domains.vms if each.state != VM_STATE_SHUT_OFF)


@fact(
    applies_if=("destination.attributes.values",),
    needs=("destination.attributes.values",),
    reads=("vm.name", "destination.domains.vms"),
    offline=True,
    grouping=Grouping(seen_as=_neighbours, seen=("destination.domains.vms",)),
)
def affinity(case: Case) -> Result:
    """Apply the destination's `placement` attribute to the guest's name.

    The attribute file placement.json: {"accepts": [...], "refuses": [...], "avoids": [...],
    "apart": [[...], ...]}, lists of guests' names with * and ?. A guest that is refused, or that
    is not among those accepted, is NO, and so is one that must stay apart from a guest which runs
    there. One that the host avoids is PROBABLY_NO. Else YES. Rules of another shape are NO_IDEA.

    Source: /etc/vmfit/attributes.d/placement.json.
    """
    attribute = case.destination.attributes.values
    if "placement" not in attribute:
        return yes("no operator says otherwise")
    rules, name = attribute["placement"], case.vm.name
    try:
        accepts, refuses, avoids = (_names(rules, key) for key in ("accepts", "refuses", "avoids"))
        apart = _groups(rules)
    except TypeError as error:
        return no_idea(f"placement.json: {error}")
    if _matches(name, refuses) or (accepts and not _matches(name, accepts)):
        return no(f"the destination does not take {name}", remedies=[_elsewhere(name)])
    running = [
        each.name
        for each in case.destination.domains.vms
        if each.state != VM_STATE_SHUT_OFF and each.name != name
    ]
    for group in apart:
        others = [each for each in running if _matches(each, group)]
        if _matches(name, group) and others:
            text = f"{name} must stay apart from {', '.join(sorted(others))}"
            return no(text, remedies=[_elsewhere(name)])
    if _matches(name, avoids):
        return probably_no(f"the destination rather avoids {name}", remedies=[_elsewhere(name)])
    return yes(f"the destination takes {name}")


def _names(rules: Struct, key: str) -> list[str]:
    if key not in rules.fields:
        return []
    return _texts(rules.fields[key].list_value.values, key)


def _groups(rules: Struct) -> list[list[str]]:
    if "apart" not in rules.fields:
        return []
    groups = rules.fields["apart"].list_value.values
    return [_texts(each.list_value.values, "apart") for each in groups]


def _texts(values: Iterable[object], key: str) -> list[str]:
    texts = [getattr(each, "string_value", "") for each in values]
    if not all(texts) or not texts:
        raise TypeError(f"{key} is not a list of names")
    return texts


def _matches(name: str, patterns: Iterable[str]) -> bool:
    return any(fnmatchcase(name, each) for each in patterns)


def _elsewhere(name: str) -> Remedy:
    text = f"Choose a host that takes {name}"
    return Remedy(summary=text, choose_host=ChooseHost(why=text))
