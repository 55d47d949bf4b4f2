"""What a person may have meant by a name that does not exist."""

from collections.abc import Iterable


def did_you_mean(wrong: str, known: Iterable[str]) -> str:
    """Return ", did you mean NAME?" for the closest of the known names; empty if none is close."""
    # Imported where somebody mistyped: services hold no module for that.
    import difflib  # noqa: PLC0415

    close = difflib.get_close_matches(wrong[:100], known, n=1, cutoff=0.5)
    return f", did you mean {close[0]}?" if close else ""
