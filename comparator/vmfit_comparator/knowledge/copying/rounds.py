"""QEMU's rounds: send what changed while the last round was sent, until the rest fits.

Each round ends with a look at the bitmap of changed pages. What can be sent in the downtime that
is allowed, at the bandwidth of the round, is left for the end, when the guest stands still and no
limit counts any more.

Source: QEMU migration_thread, migration_iteration_run, migration_trigger_throttle, postcopy_start.
"""

import math
from dataclasses import dataclass

_MOST_ROUNDS = 1000
# A round that leaves no less than this share of the one before changes nothing any more.
_STATIONARY = 0.999
# throttle-trigger-threshold, and how many rounds beyond it slow the guest down once more.
_HIGH_SHARE, _HIGH_ROUNDS = 0.5, 2
MOST_SLOWED_PERCENT = 99
"""max-cpu-throttle."""


@dataclass(frozen=True, slots=True)
class Writing:
    """What changes in a time: a power of it, through what was measured in a period."""

    bytes: float
    period_seconds: float
    short_power: float
    """In less than the period: 1 where no page is written twice, 0 where all are all the time."""
    long_power: float
    most_bytes: float

    def changed(self, seconds: float) -> float:
        """Return the bytes of the pages that are written to, each counted once."""
        if seconds <= 0:
            return 0.0
        times = seconds / self.period_seconds
        power = self.short_power if times < 1 else self.long_power
        return min(self.most_bytes, self.bytes * math.pow(times, power))


@dataclass(frozen=True, slots=True)
class Speeds:
    """What is sent, and looked through for pages of zeros, in a second."""

    limited_bytes: float
    """While the guest runs."""
    unlimited_bytes: float
    """When it stands still at the end, and after the switch of post-copy."""
    scanned_bytes: float
    rewritten_share: float = 1.0
    """How much of a page sent again travels: less than all with xbzrle."""


@dataclass(frozen=True, slots=True)
class Manner:
    """How the copy is made."""

    downtime_seconds: float
    """What is allowed, not what becomes of it."""
    stands_still: bool = False
    post_copy: bool = False
    """After the first round."""
    timeout_seconds: float | None = None
    timeout_post_copy: bool = False
    slow_first_percent: float | None = None
    """Auto-converge's first step; None without it."""
    slow_more_percent: float = 10


@dataclass(frozen=True, slots=True)
class Copied:
    """What became of it."""

    seconds: float
    """Until the guest runs on the destination and nothing is left; unused without an end."""
    still_seconds: float
    sent_bytes: float
    slowed_percent: float = 0
    ends: bool = True
    by_timeout: bool = False


@dataclass(slots=True)
class _Progress:
    left_bytes: float
    seconds: float = 0.0
    sent_bytes: float = 0.0
    slowed_percent: float = 0.0
    high_rounds: int = 0


def copied(
    filled_bytes: float, memory_bytes: float, writing: Writing, speeds: Speeds, manner: Manner
) -> Copied:
    """Play the rounds for a guest of which so much holds something else than zeros."""
    now = _Progress(filled_bytes)
    looked = memory_bytes / speeds.scanned_bytes + filled_bytes / speeds.unlimited_bytes
    first = max(filled_bytes / speeds.limited_bytes, looked)
    if manner.stands_still:
        return Copied(first, first, filled_bytes)
    room = speeds.limited_bytes * manner.downtime_seconds
    share = 1.0
    for each in range(_MOST_ROUNDS):
        if each and now.left_bytes * share <= room:
            return _stopped(now, speeds, share)
        if each == 1 and manner.post_copy:
            return _post_copied(now, speeds)
        left = min(now.left_bytes, room / share)
        sent = (now.left_bytes - left) * share if each else filled_bytes
        seconds = sent / speeds.limited_bytes if each else first
        if manner.timeout_seconds is not None and now.seconds + seconds >= manner.timeout_seconds:
            return _timed_out(now, seconds, writing, speeds, manner)
        before = now.left_bytes
        now.seconds += seconds
        now.sent_bytes += sent
        changed = writing.changed(seconds * (1 - now.slowed_percent / 100))
        now.left_bytes = max(changed, left if each else 0)
        share = speeds.rewritten_share
        if (
            not _slows(now, changed, sent, manner)
            and each
            and now.left_bytes >= before * _STATIONARY
        ):
            break
    if manner.timeout_seconds is not None:
        return _timed_out(now, 0, writing, speeds, manner)
    return Copied(now.seconds, 0, now.sent_bytes, now.slowed_percent, ends=False)


def _slows(now: _Progress, changed: float, sent: float, manner: Manner) -> bool:
    """Slow the guest down where it writes too much; tell whether that may yet change something."""
    if manner.slow_first_percent is None or now.slowed_percent >= MOST_SLOWED_PERCENT:
        return False
    now.high_rounds += changed > sent * _HIGH_SHARE
    if now.high_rounds >= _HIGH_ROUNDS:
        now.high_rounds = 0
        more = manner.slow_more_percent if now.slowed_percent else manner.slow_first_percent
        now.slowed_percent = min(now.slowed_percent + more, MOST_SLOWED_PERCENT)
    return changed > sent * _HIGH_SHARE


def _stopped(now: _Progress, speeds: Speeds, share: float) -> Copied:
    rest = now.left_bytes * share
    still = rest / speeds.unlimited_bytes
    return Copied(now.seconds + still, still, now.sent_bytes + rest, now.slowed_percent)


def _post_copied(now: _Progress, speeds: Speeds) -> Copied:
    seconds = now.left_bytes / speeds.unlimited_bytes
    sent = now.sent_bytes + now.left_bytes
    return Copied(now.seconds + seconds, 0, sent, now.slowed_percent)


def _timed_out(
    now: _Progress, seconds: float, writing: Writing, speeds: Speeds, manner: Manner
) -> Copied:
    """End a round of so many seconds in its middle: the guest is suspended, or switched over."""
    assert manner.timeout_seconds is not None
    passed = min(max(manner.timeout_seconds - now.seconds, 0), seconds)
    unsent = now.left_bytes * (1 - passed / seconds) if seconds else now.left_bytes
    rest = max(unsent, writing.changed(passed))
    now.sent_bytes += now.left_bytes - unsent + rest
    end = max(manner.timeout_seconds, 0)
    if manner.timeout_post_copy:
        whole = end + rest / speeds.unlimited_bytes
        return Copied(whole, 0, now.sent_bytes, now.slowed_percent, by_timeout=True)
    still = rest / speeds.limited_bytes
    return Copied(end + still, still, now.sent_bytes, now.slowed_percent, by_timeout=True)
