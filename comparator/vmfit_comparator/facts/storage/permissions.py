"""May QEMU's user open the disks on the destination?"""

import re

from vmfit.v1.finding_pb2 import Remedy
from vmfit.v1.vm_pb2 import HostPath
from vmfit_comparator.evaluation.case import Case
from vmfit_comparator.evaluation.fact import fact
from vmfit_comparator.evaluation.remedies import provide_storage
from vmfit_comparator.evaluation.result import Result, no, probably_no, probably_yes, yes
from vmfit_comparator.knowledge.disk_kinds import disks_by_path, images_below
from vmfit_comparator.knowledge.disks import DiskPair
from vmfit_comparator.knowledge.host_paths import destination_filesystem, filesystem_family
from vmfit_comparator.knowledge.qemu_user import destination_user_id, source_user_id

_ROOT = ("root", "0", "+0")


# Servers of these may answer root's chown with "not permitted" (root_squash).
_SQUASHING = ("nfs", "cifs")


_OTHERS_READ, _OTHERS_WRITE = 0o004, 0o002


_NUMBERS = re.compile(r"\+?(\d{1,10}):\+?(\d{1,10})")


_OWNER, _OTHERS = 0o600, 0o006


@fact(
    each=(disks_by_path, images_below),
    reads=(
        *("vm.security_labels", "incoming.security_labels"),
        *("destination.security.qemu_conf", "probes.accesses"),
    ),
)
def permissions(pair: DiskPair, case: Case) -> Result | None:
    """Compare who QEMU runs as with who may open each file, as libvirt leaves it.

    What a probe as that user found decides: allowed is YES, also when libvirt first has to make the
    user the file's owner (over NFS and CIFS, whose servers may forbid that, PROBABLY_YES; there a
    closed file of the source's QEMU user, where the destination's is another, is PROBABLY_NO with
    and without a probe). Refused
    is PROBABLY_YES where the mode of a file on another shared file system keeps others out and not
    its owner, whom libvirt changes; else NO where qemu.conf names the user, PROBABLY_NO elsewhere.
    Without a probe: root, a libvirt that makes its user the owner (dynamic_ownership, the default)
    and files open to everybody are YES; over NFS and CIFS PROBABLY_YES. Without dynamic_ownership,
    files of others that are closed to everybody are PROBABLY_NO if they belong to root,
    PROBABLY_YES else; so it is where a disk's own label forbids libvirt to change the owner. Images
    below the disks count, to be read. Where the guest has a user of its own, and libvirt is not to
    give it the files, their mode decides: PROBABLY_NO when it keeps that user out.

    Source: qemu.conf user, group, dynamic_ownership; stat(2); exports(5) root_squash.
    """
    path = pair.there.source.path
    if pair.depth and not path.exists:
        return None
    return _permission(pair, path, case)


def _permission(pair: DiskPair, path: HostPath, case: Case) -> Result:
    conf = case.destination.security.qemu_conf
    below = destination_filesystem(path, case)
    squashing = below is not None and filesystem_family(below.type) in _SQUASHING
    user = _own_user(case)
    if user is not None:
        return _by_mode(path, *user, write=not pair.is_read_only)
    dynamic = conf.get("dynamic_ownership", "1") != "0"
    dynamic = dynamic and not (_label_is_fixed(case) or pair.there.owner_is_kept)
    given = below is not None and below.shared and not squashing and _closed_to_others(path)
    probed = _probed(path, case, squashing=squashing, dynamic=dynamic, given=dynamic and given)
    if probed is not None:
        return probed
    if conf.get("user", "") in _ROOT and not squashing:
        return yes("QEMU runs as root there")
    if _open_to_all(path, write=not pair.is_read_only):
        return yes(f"{path.path} is open to everybody")
    if dynamic and not squashing:
        return yes(f"libvirt makes QEMU's user the owner of {path.path}")
    if dynamic and _is_the_sources(path, case):
        return _left_to_the_source(path, case)
    if dynamic:
        return probably_yes(f"{path.path}: its server may keep libvirt from changing the owner")
    owner = f"owner {path.owner_id}, mode {path.mode & 0o777:o}"
    if path.HasField("owner_id") and path.owner_id == 0:
        return probably_no(
            f"{path.path}: {owner}, and libvirt leaves it so", remedies=[_open(path)]
        )
    return probably_yes(f"{path.path}: {owner}; it has to be QEMU's user", probability=0.8)


def _own_user(case: Case) -> tuple[int, int] | None:
    """Return user and group of a fixed label that leaves files alone; None for names, or none."""
    for each in case.incoming.security_labels:
        if each.model == "dac" and each.type == "static" and not each.relabel:
            found = _NUMBERS.fullmatch(each.label)
            return (int(found[1]), int(found[2])) if found else None
    return None


def _by_mode(path: HostPath, user: int, group: int, *, write: bool) -> Result:
    if not path.HasField("mode"):
        return probably_yes(f"{path.path}: who may open it is not known", probability=0.8)
    shift = 6 if path.owner_id == user else 3 if path.group_id == group else 0
    wanted = (_OTHERS_READ | (_OTHERS_WRITE if write else 0)) << shift
    seen = f"user {user} of group {group}, owner {path.owner_id}, mode {path.mode & 0o777:o}"
    if user == 0 or path.mode & wanted == wanted:
        return yes(f"{path.path} may be opened: {seen}")
    text = f"{path.path} may not be opened, and libvirt leaves it so: {seen}"
    return probably_no(text, probability=0.1, remedies=[_open(path)])


def _probed(
    path: HostPath, case: Case, *, squashing: bool, dynamic: bool, given: bool
) -> Result | None:
    for each in case.probes.accesses:
        if each.path != path.path or not each.HasField("answer"):
            continue
        answer = each.answer
        if answer.allowed:
            return yes(f"user {answer.user_id} may open {path.path}")
        if answer.allowed_as_owner and dynamic:
            text = f"user {answer.user_id} may open {path.path} once it is the owner"
            if squashing and _is_the_sources(path, case):
                return _left_to_the_source(path, case)
            return probably_yes(text) if squashing else yes(text)
        text = f"user {answer.user_id} may not open {path.path}: {answer.reason}"
        if given:
            return probably_yes(f"{text}; libvirt makes it the owner first", probability=0.8)
        named = case.destination.security.qemu_conf.get("user", "")
        return (no if named else probably_no)(text, remedies=[_open(path)])
    return None


def _is_the_sources(path: HostPath, case: Case) -> bool:
    """Tell whether a closed file belongs to the source's QEMU, and the destination's is another."""
    here, there = source_user_id(case), destination_user_id(case)
    if not (path.HasField("owner_id") and _closed_to_others(path)) or None in (here, there):
        return False
    return path.owner_id == here != there and there != 0


def _left_to_the_source(path: HostPath, case: Case) -> Result:
    return probably_no(
        f"{path.path} belongs to user {path.owner_id}, as which QEMU runs on the source; on the "
        f"destination it runs as user {destination_user_id(case)}, and an NFS or CIFS server "
        "seldom lets libvirt change the owner (root_squash)",
        probability=0.3,
        remedies=[_open(path)],
    )


def _label_is_fixed(case: Case) -> bool:
    return any(
        each.model == "dac"
        and (each.type == "none" or (each.HasField("relabel") and not each.relabel))
        for each in case.vm.security_labels
    )


def _closed_to_others(path: HostPath) -> bool:
    """Tell whether the file's own mode keeps others out, and not its owner."""
    return path.mode & _OWNER == _OWNER and path.mode & _OTHERS != _OTHERS


def _open_to_all(path: HostPath, *, write: bool) -> bool:
    wanted = _OTHERS_READ | (_OTHERS_WRITE if write else 0)
    return path.HasField("mode") and path.mode & wanted == wanted


def _open(path: HostPath) -> Remedy:
    return provide_storage(f"Let QEMU's user on the destination open {path.path}", path.path)
