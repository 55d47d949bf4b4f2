"""Have two hosts' files of a guest the same content?"""

from vmfit.v1.vm_pb2 import HostPath


def same_content(here: HostPath, there: HostPath) -> bool | None:
    """Return whether their hashes are equal; None where they were not made alike, or not made."""
    if here.sha256 and there.sha256:
        return here.sha256 == there.sha256
    if not here.keyed_hash or not there.keyed_hash:
        return None
    key, other_key = (each.keyed_hash.partition(":")[0] for each in (here, there))
    return here.keyed_hash == there.keyed_hash if key == other_key else None
