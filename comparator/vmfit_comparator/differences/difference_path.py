"""The path of a difference: the field by the schema, and which elements of lists it is in."""

from collections.abc import Collection, Iterable

from vmfit_comparator.differences.snapshot_fields import PARTS, FieldPlan


def schema_path(path: str) -> str:
    """Return a path without its elements: "network.interfaces.mtu_bytes"."""
    return _split(path)[0]


def elements(path: str) -> str:
    """Return the elements that a path leads through: "br0", "0, 3"; empty for none."""
    return ", ".join(_split(path)[1])


def is_within(path: str, fields: Collection[str]) -> bool:
    """Tell whether a path is that of one of the fields, or of what is in one of them."""
    schema = schema_path(path)
    return any(schema == each or schema.startswith(f"{each}.") for each in fields)


def unknown_field(path: str) -> tuple[str, Iterable[str]] | None:
    """Return the first name of a schema's path that is no field, and those that there are."""
    known: dict[str, FieldPlan] = dict(PARTS)
    for name in path.split("."):
        if name not in known:
            return name, known
        plan = known[name]
        known = {each.name: each for each in (plan.value or plan).fields}
    return None


def _split(path: str) -> tuple[str, list[str]]:
    """An element's label may itself hold brackets and full stops."""
    names, labels, depth = "", [""], 0
    for each in path:
        closes = each == "]" and depth > 0
        depth -= closes
        if depth:
            labels[-1] += each
        elif closes:
            labels.append("")
        elif each != "[":
            names += each
        depth += each == "["
    return names, labels[:-1]
