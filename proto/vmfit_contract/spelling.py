"""What a person may have meant by a name that does not exist."""

import re
from collections.abc import Iterable

_LONGEST = 100
_MOST_LISTED = 24
_NUMBER = re.compile(r"\d+")


def did_you_mean(wrong: str, known: Iterable[str]) -> str:
    """Return ", did you mean NAME?" for the closest of the known names; empty if none is close.

    node01 is what node1 means; node12 is another host, and no spelling of it.
    """
    # Imported where somebody mistyped: services hold no module for that.
    import difflib  # noqa: PLC0415

    wrong = wrong[:_LONGEST]
    plain, numbers = _plain(wrong), _numbers(wrong)
    alike, others = [], []
    for each in known:
        if _numbers(each) == numbers:
            if _plain(each) == plain:
                return f", did you mean {each}?"
            alike.append(each)
        elif _plain(each) != plain:
            others.append(each)
    for candidates in (alike, others):
        close = difflib.get_close_matches(wrong, candidates, n=1, cutoff=0.5)
        if close:
            return f", did you mean {close[0]}?"
    return ""


def meant_or_known(wrong: str, known: Iterable[str]) -> str:
    """Return what `did_you_mean` does, else "; there are NAME, NAME" for as many as can be read."""
    names = list(known)
    meant = did_you_mean(wrong, names)
    if meant or not names:
        return meant
    listed = ", ".join(names[:_MOST_LISTED])
    hidden = len(names) - _MOST_LISTED
    more = f" and {hidden} more" if hidden > 0 else ""
    return f"; there {'is' if len(names) == 1 else 'are'} {listed}{more}"


def _plain(name: str) -> str:
    """Return a name without what people mistake: case, separators, and which number it has."""
    return re.sub(r"[-_. ]", "", _NUMBER.sub("0", name.lower()))


def _numbers(name: str) -> list[int]:
    return [int(each) for each in _NUMBER.findall(name[:_LONGEST])]
