"""What blocks compared by content add to what names say of a disk."""

from vmfit.v1.finding_pb2 import Answer
from vmfit.v1.probe_pb2 import ContentProbe
from vmfit_comparator.evaluation.case import Case
from vmfit_comparator.evaluation.reads import reads
from vmfit_comparator.evaluation.result import Result, no, no_idea, probably_no, probably_yes, yes
from vmfit_comparator.knowledge.disks import DiskPair

# Modes in which what the guest wrote is on the storage at once, for every host to see.
_WRITTEN_AT_ONCE = ("none", "directsync", "writethrough")
# From so many equal blocks that are not all zeros on, chance is out of the question.
_TELLING = 8


@reads("probes.not_asked")
def with_content(outcome: Result, pair: DiskPair, case: Case) -> Result:
    """Return what names and content say together; `outcome` itself where names are firm.

    A difference is another disk. Equal blocks are no proof (hosts deploy the same images), unless
    the destination saw what the guest wrote a moment ago.
    """
    if outcome.not_applicable or outcome.answer in (Answer.ANSWER_YES, Answer.ANSWER_NO):
        return outcome
    probe = content_probe(pair, case)
    if probe is None or probe.error:
        why = probe.error if probe is not None else case.probes.not_asked
        text = f"the content was not compared: {why}" if why else "the content was not compared"
        return outcome._replace(reason=f"{outcome.reason} ({text})")
    different = probe.compared_count - probe.equal_count
    if different:
        return _different(pair, probe, different)
    if probe.followed_count:
        return yes(f"the destination sees what the guest has just written ({outcome.reason})")
    return _equal(outcome, pair, probe)


@reads("probes.contents")
def content_probe(pair: DiskPair, case: Case) -> ContentProbe | None:
    """Return how a disk's content compares, as far as it was read; None when nobody tried."""
    target = pair.there.target
    return next((each for each in case.probes.contents if each.target == target), None)


def _different(pair: DiskPair, probe: ContentProbe, different: int) -> Result:
    seen = f"another content: {different} of {probe.compared_count} blocks differ"
    if pair.is_read_only and pair.there.source.format not in ("", "raw"):
        return probably_no(
            f"{pair.there.source.path.path} has {seen}, unless both hold the same data in "
            f"another order ({pair.there.source.format})",
            probability=0.15,
        )
    settled = pair.is_read_only or pair.here.cache in _WRITTEN_AT_ONCE
    if settled or different == probe.telling_count:
        return no(f"{pair.there.source.path.path} has {seen}")
    return probably_no(
        f"{pair.there.source.path.path} has {seen}, unless the source has yet to write them "
        f"(cache={pair.here.cache or 'default'})",
        probability=0.05,
    )


def _equal(outcome: Result, pair: DiskPair, probe: ContentProbe) -> Result:
    if not probe.telling_count:
        return outcome._replace(
            reason=f"{outcome.reason}; {probe.compared_count} blocks are equal, but all zeros",
        )
    seen = f"{probe.telling_count} blocks that are not empty are equal"
    many = probe.telling_count >= _TELLING
    if pair.is_read_only:
        return probably_yes(f"{seen}, and nobody writes", probability=0.97 if many else 0.9)
    text = f"{outcome.reason}; {seen}"
    if outcome.answer == Answer.ANSWER_PROBABLY_NO:
        return no_idea(f"{text}, as in two copies of one image")
    if probe.image_locked:
        return probably_yes(
            f"{text}, and the destination sees a lock of QEMU's on it", probability=0.97
        )
    return probably_yes(
        f"{text}, and two copies would have drifted apart", probability=0.9 if many else 0.75
    )
