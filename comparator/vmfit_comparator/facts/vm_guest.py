"""Facts about what runs in the guest: its agent, its writing, devices from the command line."""

import shlex
from itertools import pairwise

from vmfit.v1.finding_pb2 import QUALITY_REDUCED, Consequence, Remedy
from vmfit.v1.vm_pb2 import VM_STATE_PAUSED
from vmfit_comparator.evaluation.fact import fact
from vmfit_comparator.evaluation.migration import Migration
from vmfit_comparator.evaluation.outcome import (
    Outcome,
    no,
    no_idea,
    not_applicable,
    probably_no,
    probably_yes,
    yes,
)
from vmfit_comparator.evaluation.remedies import add_option, change_definition
from vmfit_comparator.facts.offline import unless_offline

_AGENT = "org.qemu.guest_agent.0"
# Device models whose state QEMU never sends (unmigratable device states, migration blockers).
_UNMIGRATABLE = (
    *("nvme", "nvme-ns", "ivshmem-doorbell", "virtio-crypto", "virtio-snd", "virtio-pmem"),
    *("virtio-vga-gl", "virtio-gpu-gl", "vhost-user-gpu", "vhost-user-fs", "usb-mtp"),
)
# What a usual network moves when no limit is given: 1 Gbit/s.
_USUAL_BYTES_PER_SECOND = 125_000_000
# Below this an ordinary guest may well write faster than its memory is sent.
_SLOW_BYTES_PER_SECOND = 64 << 20


@fact(
    "vm.migration_blockers",
    question="Has QEMU's command line nothing that cannot migrate?",
    applies_if=("vm.qemu_arguments",),
    reads=("vm.qemu_arguments",),
)
@unless_offline
def migration_blockers(migration: Migration) -> Outcome:
    """Read what the definition hands to QEMU past libvirt (qemu:commandline).

    A device model that QEMU never migrates is NO. Other devices given so are PROBABLY_YES: libvirt
    hands the same words to the destination, and knows nothing of what is behind them; settings
    that are no devices are YES. What libvirt's own elements hide, dev.blockers and dev.hostdev
    judge: asking QEMU itself would mark the domain as tainted.

    Source: QEMU's device states (unmigratable); query-migrate, blocked-reasons.
    """
    words = list(migration.vm.qemu_arguments)
    models = [
        _model(value) for option, value in pairwise(words) if option in {"-device", "--device"}
    ]
    blocked = sorted({each for each in models if each.removesuffix("-pci") in _UNMIGRATABLE})
    if blocked:
        remedy = change_definition(f"Leave {', '.join(blocked)} out", "qemu:commandline", "")
        return no(f"QEMU does not migrate {', '.join(blocked)}", remedies=[remedy])
    if any("migratable=off" in each or "migratable=no" in each for each in words):
        return probably_no("the command line makes the guest's CPU not migratable")
    if models:
        return probably_yes(f"libvirt knows nothing of {', '.join(sorted(set(models)))}")
    return yes("the command line adds no devices")


def _model(value: str) -> str:
    if value.startswith("{"):
        _, _, rest = value.partition('"driver"')
        return rest.split('"')[1] if rest.count('"') > 1 else ""
    return value.split(",", maxsplit=1)[0].removeprefix("driver=")


@fact(
    "vm.guest_agent",
    question="Does the guest's agent answer?",
    applies_if=("vm.character_devices",),
    reads=("vm.character_devices",),
    also_reads=("vm.guest_agent_connected",),
    consequence=Consequence.CONSEQUENCE_ADVISORY,
)
@unless_offline
def guest_agent(migration: Migration) -> Outcome:
    """See whether the agent's channel is connected in the guest.

    Connected is YES. Not connected, or unknown, is PROBABLY_YES: the migration does without, but
    nobody sets the guest's clock afterwards or freezes its file systems. Without such a channel
    the question does not arise.

    Source: channel/target/@state of org.qemu.guest_agent.0; virsh domtime --sync.
    """
    if not any(each.target_name == _AGENT for each in migration.vm.character_devices):
        return not_applicable("the guest has no channel for an agent")
    if migration.vm.guest_agent_connected:
        return yes("the agent is connected")
    if not migration.vm.HasField("guest_agent_connected"):
        return probably_yes("whether the agent is connected is not known")
    return probably_yes("no agent answers: time and file systems are left alone")


@fact(
    "vm.convergence",
    question="Is the guest's memory sent faster than the guest writes to it?",
    reads=("vm.memory",),
    also_reads=("options", "vm.name", "vm.state", "vm.dirty_rate_bytes_per_second"),
)
@unless_offline
def convergence(migration: Migration) -> Outcome:
    """Compare the bandwidth limit with the rate at which the guest writes memory.

    Post-copy that is asked to start by itself, a time-out that suspends the guest, and a guest
    that stands still are YES. Half of the limit or less written is YES, up to it PROBABLY_NO, more
    NO; --auto-converge makes PROBABLY_YES of both, of REDUCED quality. Under a limit below
    64 MiB/s with a rate that nobody measured it is NO_IDEA. Without limit and rate there is nothing
    to compare.

    Source: virDomainStartDirtyRateCalc, as an administrator ran it; virsh migrate --bandwidth.
    """
    options, vm = migration.options, migration.vm
    if vm.state == VM_STATE_PAUSED:
        return yes("the guest is paused, it writes nothing")
    if options.post_copy and (options.post_copy_after_precopy or options.timeout_action):
        return yes("post-copy moves the guest whatever it writes")
    if options.timeout_action == "suspend":
        return yes(
            f"the guest is suspended after {options.timeout_seconds} s", quality=QUALITY_REDUCED
        )
    limit = options.bandwidth_bytes_per_second
    if not vm.HasField("dirty_rate_bytes_per_second"):
        return _unmeasured(migration)
    rate = vm.dirty_rate_bytes_per_second
    limit = limit or _USUAL_BYTES_PER_SECOND
    text = f"it writes {rate >> 20} MiB/s, {limit >> 20} MiB/s are sent"
    if rate <= limit / 2:
        return yes(text)
    if options.auto_converge:
        return probably_yes(f"{text}; it is slowed down until it fits", quality=QUALITY_REDUCED)
    remedies = [add_option("--postcopy --postcopy-after-precopy", "it moves whatever is written")]
    if not options.bandwidth_bytes_per_second:
        return probably_no(f"{text} over a usual network", probability=0.4, remedies=remedies)
    return (probably_no if rate <= limit else no)(text, remedies=remedies)


def _unmeasured(migration: Migration) -> Outcome:
    options = migration.options
    limit = options.bandwidth_bytes_per_second
    if not limit or limit >= _SLOW_BYTES_PER_SECOND:
        return not_applicable("no slow limit is asked for, and nobody measured what it writes")
    text = f"whether the guest writes more than the limit of {limit >> 20} MiB/s is not known"
    if options.auto_converge:
        return probably_yes(f"{text}; auto-converge slows it down", quality=QUALITY_REDUCED)
    remedies = [
        add_option("--auto-converge", "it slows the guest down until its memory is sent"),
        Remedy(
            summary="Have libvirt measure on the source how fast the guest writes memory",
            command=f"virsh domdirtyrate-calc {shlex.quote(migration.vm.name)}",
        ),
    ]
    return no_idea(text, missing=["vm.dirty_rate_bytes_per_second"], remedies=remedies)


FACTS = (migration_blockers, guest_agent, convergence)
