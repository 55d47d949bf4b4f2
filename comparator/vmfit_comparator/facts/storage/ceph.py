"""Can the destination open the guest's RBD images?"""

from vmfit.v1.vm_pb2 import Disk
from vmfit_comparator.evaluation.case import Case
from vmfit_comparator.evaluation.fact import fact
from vmfit_comparator.evaluation.remedies import define_secret
from vmfit_comparator.evaluation.result import Result, no, probably_no, probably_yes, yes
from vmfit_comparator.knowledge.disk_kinds import incoming_disks


@fact(
    each=incoming_disks,
    needs="destination.libvirt_objects",
    reads=("vm.secrets", "destination.libvirt_objects.secrets", "probes.disks"),
)
def ceph(disk: Disk, case: Case) -> Result | None:
    """Ask for the key of every RBD image, and for what a probe found.

    An image that a probe opened is YES, one that it could not open NO, one that did not answer in
    its time PROBABLY_NO. Else: the disk's secret is
    there with its value PROBABLY_YES; without value, or not at all, NO. A disk without a
    secret rests on the host's own keyring, PROBABLY_YES. No RBD images: not applicable.

    Source: libvirt's formatdomain, auth; virSecretLookup; QEMU's rbd driver.
    """
    if disk.source.type != "network" or disk.source.protocol != "rbd":
        return None
    for probe in case.probes.disks:
        if probe.target == disk.target and probe.HasField("answer"):
            if probe.answer.opens:
                return yes("it opens there")
            fails = probably_no if probe.answer.HasField("timed_out_seconds") else no
            return fails(f"it does not open: {probe.answer.reason}")
    used = [each for each in case.vm.secrets if each.user == f"disk {disk.target}"]
    for secret in used:
        found = [
            each
            for each in case.destination.libvirt_objects.secrets
            if each.uuid == secret.uuid or (secret.usage and each.usage_id == secret.usage)
        ]
        name = secret.uuid or secret.usage
        if not found:
            remedy = define_secret(secret.uuid, secret.usage, set_value=False)
            return no(f"the destination has no secret {name}", remedies=[remedy])
        if found[0].HasField("value_set") and not found[0].value_set:
            remedy = define_secret(secret.uuid, secret.usage, set_value=True)
            return no(f"secret {name} has no value there", remedies=[remedy])
    key = "its secret is there" if used else "it needs the host's own keyring"
    return probably_yes(f"{key}; nobody tried to open it")
