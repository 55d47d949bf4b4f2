"""Will the destination's libvirt hook scripts let the guest in?"""

from collections.abc import Mapping

from vmfit.v1.finding_pb2 import ANSWER_PROBABLY_YES, ChooseHost, Remedy
from vmfit.v1.host_pb2 import HookScript, HookText, Security
from vmfit_comparator.evaluation.case import Case
from vmfit_comparator.evaluation.fact import fact
from vmfit_comparator.evaluation.result import (
    Result,
    joined,
    no,
    no_idea,
    probably_no,
    probably_yes,
    yes,
)
from vmfit_comparator.knowledge.connections import driver_for

# Where the script is not called as the driver.
_SCRIPTS = {"xen": "libxl"}


_DIRECTORY = "/etc/libvirt/hooks"


# What libvirt calls them for on the destination; a failure of later calls does not count.
_GUEST_OPERATIONS = frozenset(("migrate", "prepare", "start", "started"))


_ASKED = {"network": frozenset(("port-created", "plugged"))}


@fact(
    needs=(
        *("vm.domain_type", "destination.security.hook_scripts"),
        "destination.security.hook_scripts_unreadable",
    ),
    reads=(
        *("vm.connection_uri", "incoming.nics.type", "source.security.hook_scripts"),
        *("source.security.libvirt_hooks", "destination.security.libvirt_hooks"),
    ),
    offline=True,
)
def hooks(case: Case) -> Result:
    """Look at the scripts that libvirt calls on the destination before it lets the guest in.

    Those are the script of the VM's driver (qemu, libxl, lxc) and, if a NIC is on a libvirt
    network, network; and the files of their .d directories. A failure of any refuses the guest.
    None that is executable is YES; one that the kernel cannot start (no first line that names an
    interpreter that is there) is NO. vmfit runs none, and judges by the words of the text: one that
    cannot fail, or only for operations that are none of a migration, is PROBABLY_YES, one that may
    fail, or whose own words libvirt would take for the definition, PROBABLY_NO. One that the source
    runs as well let this guest start there: PROBABLY_YES unless it names migrate; one that may
    fail, of which the source runs another version, is NO_IDEA likewise. All made after
    libvirt's daemon had started are PROBABLY_YES: it looks for the first script of a driver only
    then. Machine code that the source does not run, and what could not be read, is NO_IDEA.

    Source: libvirt's hooks for specific system management; SHA-256 and text of the scripts.
    """
    wanted = _names(case)
    there = _scripts(case.destination.security, wanted)
    here = _scripts(case.source.security, wanted)
    if not there and case.destination.security.hook_scripts_unreadable:
        return no_idea(
            f"the destination's {_DIRECTORY} could not be listed",
            missing=["destination.security.hook_scripts"],
        )
    if not there:
        return yes(f"the destination has no {' or '.join(wanted)} hook script")
    outcome = joined({path: _script(path, each, here, case) for path, each in there.items()})
    if outcome.answer < ANSWER_PROBABLY_YES and all(
        each.newer_than_libvirt for each in there.values()
    ):
        return probably_yes(
            f"{', '.join(there)}: made after libvirt's daemon there had started, which looks for "
            f"scripts only then; else {outcome.reason}",
            probability=0.6,
        )
    return outcome


def _script(path: str, script: HookScript, here: Mapping[str, HookScript], case: Case) -> Result:
    if script.HasField("startable") and not script.startable:
        remedy = Remedy(summary=f"Repair the first line (#!) of {_DIRECTORY}/{path}, or remove it")
        return no("it cannot be started: no interpreter that is there", remedies=[remedy])
    same = bool(script.sha256) and any(each.sha256 == script.sha256 for each in here.values())
    if not script.HasField("text"):
        if same:
            return probably_yes("the source runs the same")
        return no_idea(
            "it may refuse the guest, and the source does not run the same",
            missing=() if case.source.HasField("security") else ["source.security"],
            remedies=_remedies(path),
        )
    return _by_text(path, script.text, same=same, another_version=path in here)


def _by_text(path: str, text: HookText, *, same: bool, another_version: bool) -> Result:
    asked = _ASKED.get(path.partition("/")[0].removesuffix(".d"), _GUEST_OPERATIONS)
    named = sorted(asked.intersection(text.operations))
    for_others = bool(text.operations) and not named
    if text.may_fail and not for_others and not (same and "migrate" not in named):
        words = f" and names {', '.join(named)}" if named else ""
        seen = f"by its text it may refuse the guest: it has a way to fail{words}"
        if another_version and "migrate" not in named:
            seen = f"{seen}; the source runs another version, which let it start"
            return no_idea(seen, remedies=_remedies(path))
        return probably_no(seen, probability=0.3, remedies=_remedies(path))
    if text.prints and (not text.operations or "migrate" in named):
        return probably_no(
            "by its text it prints words, which libvirt takes for the guest's definition",
            probability=0.3,
            remedies=_remedies(path),
        )
    if same:
        return probably_yes("the source runs the same")
    if for_others and text.may_fail:
        return probably_yes(
            f"by its text it only fails for {', '.join(text.operations)}", probability=0.8
        )
    also = ", but may change the definition" if text.reads_definition else ""
    return probably_yes(f"by its text it does not fail{also}", probability=0.8)


def _names(case: Case) -> list[str]:
    vm = case.vm
    driver = "ch" if vm.connection_uri.startswith("ch:") else driver_for(vm.domain_type)
    names = [_SCRIPTS.get(driver, driver)]
    if any(nic.type == "network" for nic in case.incoming.nics):
        names.append("network")
    return names


def _scripts(security: Security, wanted: list[str]) -> Mapping[str, HookScript]:
    """Return the scripts that may run, by path; of some only the path is known."""
    found = {
        each.path: each
        for each in security.hook_scripts
        if each.executable or not each.HasField("executable")
    }
    for path in security.libvirt_hooks:
        found.setdefault(path, HookScript(path=path))
    return {
        path: each
        for path, each in found.items()
        if path.partition("/")[0].removesuffix(".d") in wanted
    }


def _remedies(path: str) -> list[Remedy]:
    return [
        Remedy(
            summary=f"Test by hand that {_DIRECTORY}/{path} accepts the guest's definition, called "
            "with the guest's name, migrate begin - and prepare begin -"
        ),
        Remedy(
            summary="Choose a host without this hook script",
            choose_host=ChooseHost(why=f"{_DIRECTORY}/{path} may refuse the guest"),
        ),
    ]
