"""How long a migration takes, in a line."""

from collections.abc import Callable

from vmfit.v1.estimate_pb2 import MigrationEstimate, Span
from vmfit_comparator.knowledge.copying.limits import seconds_text
from vmfit_comparator.knowledge.guest_memory import size_text


def is_expected(told: MigrationEstimate) -> bool:
    """Tell whether an estimate says more than what it takes at least."""
    return told.total_seconds.HasField("expected") or told.total_seconds.HasField("high")


def estimate_text(told: MigrationEstimate) -> str:
    """Return what is expected, between what it is at its best and at its worst."""
    parts = [
        f"takes {_span(told.total_seconds, seconds_text)}",
        f"the guest stands still for {_span(told.downtime_seconds, seconds_text)}",
        f"sends {_span(told.sent_bytes, _size)}",
    ]
    if told.slowed_percent.expected or told.slowed_percent.high:
        parts.append(f"the guest is slowed down by {_span(told.slowed_percent, _percent)}")
    if told.HasField("ends_before_timeout"):
        parts.append(f"--timeout {'does not act' if told.ends_before_timeout else 'acts'}")
    if told.missing:
        parts.append(f"not known: {', '.join(told.missing)}")
    if told.fitting_options:
        parts.append(f"would fit: {'; '.join(told.fitting_options)}")
    return f"estimate: {', '.join(parts)}"


def _span(span: Span, text: Callable[[float], str]) -> str:
    low = text(span.low)
    high = text(span.high) if span.HasField("high") else ""
    if not span.HasField("expected"):
        return f"{low} to {high}" if high else f"{low} or more"
    expected = text(span.expected)
    if not high:
        return f"{expected} ({low} or more)"
    return expected if low == high == expected else f"{expected} ({low} to {high})"


def _size(number: float) -> str:
    return size_text(int(number))


def _percent(number: float) -> str:
    return f"{number:.0f} %"
