"""A masking that knows what identifies a host, from the host's own snapshot."""

from collections.abc import Mapping

from vmfit.v1.snapshot_pb2 import Snapshot
from vmfit_agent.assembly import assemble
from vmfit_agent.collection import CollectorRunner
from vmfit_agent.collectors import Collector
from vmfit_agent.file_words import file_words
from vmfit_agent.host import Host
from vmfit_contract.masking.masking import Masking
from vmfit_contract.masking.snapshots import learn


def learnt_masking(host: Host, collectors: Mapping[str, Collector], key: bytes) -> Masking:
    """Return a masking by the key that has learnt all parts that can be collected."""
    masking = Masking(key, file_words())
    snapshot: Snapshot = assemble(CollectorRunner(host, collectors).collect(collectors))
    learn(masking, snapshot)
    return masking
