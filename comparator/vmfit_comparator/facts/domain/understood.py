"""Does the destination's libvirt understand the VM's definition?"""

from vmfit.v1.finding_pb2 import Quality
from vmfit_comparator.evaluation.applicability import QEMU
from vmfit_comparator.evaluation.case import Case
from vmfit_comparator.evaluation.fact import fact
from vmfit_comparator.evaluation.remedies import change_definition, drop_option, upgrade
from vmfit_comparator.evaluation.result import (
    Result,
    joined,
    no,
    no_idea,
    probably_no,
    probably_yes,
    yes,
)
from vmfit_comparator.knowledge.new_words import Fate, NewWord, unknown_words
from vmfit_comparator.knowledge.option_versions import Versions, versions_of
from vmfit_comparator.knowledge.versions import version_text

_STORED = drop_option("--persistent", "the domain then ends with its QEMU on the destination")
_VERSION = "destination.hypervisor.connections.libvirt_version"


@fact(
    hypervisors=QEMU,
    needs="destination.hypervisor",
    reads=(
        "incoming.definition_words",
        "probes.definition",
        "probes.persistent_definition",
        "options.persistent",
    ),
    offline=True,
)
def understood(case: Case) -> Result:
    """Ask the destination's libvirt, and look words up that an older libvirt does not know.

    - NO: a feature or a choice that came after the destination's libvirt, which refuses it; a
      device or format that came after it, which it drops, so that the guest's state does not fit.
      PROBABLY_NO on distributions that add features to older versions.
    - PROBABLY_NO: the destination's libvirt itself, asked to read the definition, or the stored one
      that --persistent takes along and that was edited since, refuses it.
    - PROBABLY_YES, reduced: it drops what does not change the guest's state. PROBABLY_YES, too,
      where it is older than the source's and nobody looked at the definition's words.
    - YES: it takes the definition, or is as new as the source's, or knows every word.
    - NO_IDEA: its version is not known.

    Source: libvirt formatdomain; virConnectDomainXMLToNative, which reads a definition and starts
    nothing; qemuMigrationDstPrepare reads what arrives alike.
    """
    there = versions_of("destination", case)
    asked = case.probes.definition.HasField("answer")
    answer = case.probes.definition.answer
    stored = case.probes.persistent_definition
    travels = case.options.persistent and stored.HasField("answer")
    if travels and not stored.answer.understood:
        told = "the destination's libvirt refuses the stored definition, which --persistent takes "
        told += f"along: {stored.answer.reason}"
        return probably_no(told, probability=0.05, remedies=[_STORED])
    if asked and not answer.understood:
        told = f"the destination's libvirt refuses the definition: {answer.reason}"
        return probably_no(told, probability=0.05)
    if not there.libvirt:
        return no_idea("the version of the destination's libvirt is not known", missing=[_VERSION])
    found = {
        word: _unknown(new, there)
        for word, new in unknown_words(case.incoming.definition_words, there.libvirt)
        if not (asked and new.fate is Fate.REFUSED)
    }
    if found:
        return joined(found)
    if asked:
        return yes("the destination's libvirt takes the definition")
    return _by_age(case, versions_of("source", case), there)


def _by_age(case: Case, here: Versions, there: Versions) -> Result:
    version = version_text(there.libvirt)
    if there.libvirt < here.libvirt and not case.incoming.definition_words:
        return probably_yes(
            f"the destination's libvirt {version} is older than the source's "
            f"{version_text(here.libvirt)}; the definition's words were not looked at",
            probability=0.95,
        )
    return yes(f"libvirt {version} knows every word of the definition")


def _unknown(new: NewWord, there: Versions) -> Result:
    text = (
        f"libvirt {version_text(new.since)} brought it, and the destination's "
        f"libvirt {version_text(there.libvirt)} does not know the word, which {new.fate.value}"
    )
    remedies = [
        upgrade("libvirt", version_text(new.since)),
        change_definition(f"Remove {new.pattern} from the definition", new.pattern, ""),
    ]
    if new.fate is Fate.LOST:
        return probably_yes(text, quality=Quality.QUALITY_REDUCED, remedies=remedies)
    if there.backports:
        return probably_no(text, probability=0.3, remedies=remedies)
    return no(text, remedies=remedies)
