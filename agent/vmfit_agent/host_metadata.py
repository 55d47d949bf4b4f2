"""The calls of this host, answered with or without what identifies."""

from typing import TYPE_CHECKING

from vmfit_agent.moments import Moments
from vmfit_agent.service import HostMetadata
from vmfit_agent.sources import SnapshotSource

if TYPE_CHECKING:
    from vmfit_contract.masking.identifier_hashes import IdentifierHashes


def host_metadata(
    source: SnapshotSource, hashes: "IdentifierHashes | None", *, probes: bool
) -> HostMetadata:
    """Return what answers from a source; with hashes, these stand where identifiers would."""
    if hashes is None:
        return HostMetadata(source, probes=probes)
    from vmfit_agent.sources.hashed import Hashed  # noqa: PLC0415 -- most agents tell identifiers

    moments = Moments(told_as=hashes.identifier)
    return HostMetadata(Hashed(source, hashes), probes=probes, moments=moments)
