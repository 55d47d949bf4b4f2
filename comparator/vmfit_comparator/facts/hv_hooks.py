"""What of the destination's libvirt may refuse a guest beside QEMU: hook scripts."""

from collections.abc import Mapping

from vmfit.v1.finding_pb2 import ChooseHost, Remedy
from vmfit.v1.host_pb2 import Security
from vmfit_comparator.evaluation.fact import fact
from vmfit_comparator.evaluation.migration import Migration
from vmfit_comparator.evaluation.outcome import Outcome, no_idea, probably_yes, yes
from vmfit_comparator.knowledge.connections import driver_for

# Where the script is not called as the driver.
_SCRIPTS = {"xen": "libxl"}
_DIRECTORY = "/etc/libvirt/hooks"


@fact(
    "hv.hooks",
    question="Will the destination's libvirt hook scripts let the guest in?",
    reads=(
        "vm.domain_type",
        "destination.security.hook_scripts",
        "destination.security.hook_scripts_unreadable",
    ),
    also_reads=(
        "vm.connection_uri",
        "incoming.nics",
        "source.security.hook_scripts",
        "destination.security.libvirt_hooks",
    ),
)
def hooks(migration: Migration) -> Outcome:
    """Look for scripts that libvirt calls on the destination before it lets the guest in.

    Those are the script of the VM's driver (qemu, libxl, lxc) and, if a NIC is on a libvirt
    network, network; and the files of their .d directories. Any may refuse the guest. None that is
    executable is YES. Ones that the source runs as well, which started this guest, are
    PROBABLY_YES: they may look at the host. Others are NO_IDEA, as nobody can know without
    running them, and vmfit runs none; so is a directory that could not be listed.

    Source: libvirt's hooks for specific system management; SHA-256 of the scripts.
    """
    wanted = _names(migration)
    there = _scripts(migration.destination.security, wanted)
    here = set(_scripts(migration.source.security, wanted).values()) - {""}
    others = [path for path, content in there.items() if content not in here]
    if others:
        return no_idea(
            f"{_DIRECTORY}/{others[0]}{_more(others)} of the destination may refuse the guest, and "
            "the source does not run the same",
            missing=() if migration.source.HasField("security") else ["source.security"],
            remedies=_remedies(others[0]),
        )
    if migration.destination.security.hook_scripts_unreadable:
        return no_idea(
            f"the destination's {_DIRECTORY} could not be listed",
            missing=["destination.security.hook_scripts"],
        )
    if there:
        return probably_yes(f"the source runs the same {', '.join(there)} as the destination")
    return yes(f"the destination has no {' or '.join(wanted)} hook script")


def _names(migration: Migration) -> list[str]:
    vm = migration.vm
    driver = "ch" if vm.connection_uri.startswith("ch:") else driver_for(vm.domain_type)
    names = [_SCRIPTS.get(driver, driver)]
    if any(nic.type == "network" for nic in migration.incoming.nics):
        names.append("network")
    return names


def _scripts(security: Security, wanted: list[str]) -> Mapping[str, str]:
    """Return the SHA-256 of the scripts that may run, by path; empty where it is not known."""
    found = {
        each.path: each.sha256
        for each in security.hook_scripts
        if each.executable or not each.HasField("executable")
    }
    for path in security.libvirt_hooks:
        found.setdefault(path, "")
    return {
        path: content
        for path, content in found.items()
        if path.partition("/")[0].removesuffix(".d") in wanted
    }


def _more(paths: list[str]) -> str:
    return f" and {len(paths) - 1} more" if len(paths) > 1 else ""


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


FACTS = (hooks,)
