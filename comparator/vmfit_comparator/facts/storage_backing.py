"""The fact about what the images below the disks mean on both hosts."""

from vmfit.v1.finding_pb2 import Consequence
from vmfit_comparator.evaluation.fact import fact
from vmfit_comparator.evaluation.migration import Migration
from vmfit_comparator.evaluation.outcome import Outcome
from vmfit_comparator.facts.offline import unless_offline
from vmfit_comparator.facts.storage_identity import IDENTITY_READS, proven_disk
from vmfit_comparator.knowledge.disks import backing_pairs, joined


@fact(
    "storage.backing_identity",
    question="Do the images below every disk hold the same on the destination?",
    applies_if=("incoming.disks.backing_chain",),
    reads=("vm.disks", "incoming.disks"),
    also_reads=(
        *IDENTITY_READS,
        "options.storage_copy",
        "options.copied_disks",
    ),
    consequence=Consequence.CONSEQUENCE_BREAKS_GUEST,
)
@unless_offline
def backing_identity(migration: Migration) -> Outcome:
    """Compare the backing images as storage.disk_identity compares read-only disks.

    The same file or device is YES, a copy of the same content PROBABLY_YES; another size or content
    is NO: the guest would read other data wherever the overlay is empty. This holds for
    --copy-storage-inc too; --copy-storage-all leaves nothing to what lies below.

    Source: QEMU's qcow2 driver reads unallocated clusters from the backing image.
    """
    return joined(
        {pair.there.target: proven_disk(pair, migration) for pair in backing_pairs(migration)},
        "does not apply: nothing that is used lies below a disk",
    )


FACTS = (backing_identity,)
