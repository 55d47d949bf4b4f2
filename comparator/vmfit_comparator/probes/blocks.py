"""Which blocks of an image tell it from another, and what their hashes say."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from vmfit.v1.probe_pb2 import BlocksAnswer, ContentProbe, HashBlocks

_MAX_OFFSETS = 64
# Sectors of the beginning: boot code, partition tables and image headers lie close together, and
# what the guest writes there moves no more than its own sector.
_SECTOR_BYTES = 512
_SPREAD_BYTES = 16384
_SPREAD_PROBES = 2
_HASH_BYTES = 16


@dataclass(frozen=True, slots=True)
class Blocks:
    """Blocks of one length, which one question asks for."""

    block_bytes: int
    offsets: tuple[int, ...]

    def question(self, path: str, nonces: Sequence[bytes]) -> HashBlocks:
        """Return the question for them."""
        return HashBlocks(
            path=path, nonces=nonces, offsets=self.offsets, block_bytes=self.block_bytes
        )


def chosen_blocks(size_bytes: int) -> tuple[Blocks, ...]:
    """Return the first sectors, and blocks spread evenly to the end; nothing of an empty file."""
    sectors = min(size_bytes // _SECTOR_BYTES, _MAX_OFFSETS)
    if sectors == 0:
        return ()
    start = Blocks(_SECTOR_BYTES, tuple(n * _SECTOR_BYTES for n in range(sectors)))
    spread = _spread(sectors * _SECTOR_BYTES, size_bytes)
    parts = range(0, len(spread), _MAX_OFFSETS)
    return (start, *(Blocks(_SPREAD_BYTES, spread[n : n + _MAX_OFFSETS]) for n in parts))


def _spread(first: int, size_bytes: int) -> tuple[int, ...]:
    last = size_bytes - _SPREAD_BYTES
    if last < first:
        return ()
    count = min(_SPREAD_PROBES * _MAX_OFFSETS, (last - first) // _SPREAD_BYTES + 1)
    step = (last - first) / max(count - 1, 1)
    # Whole sectors: smaller steps would ask the host to read more than it hashes.
    places = {first + int(n * step) // _SECTOR_BYTES * _SECTOR_BYTES for n in range(count)}
    return tuple(sorted(places))


def compared(
    target: str,
    blocks: Sequence[Blocks],
    key: bytes,
    readings: tuple[Sequence[BlocksAnswer], Sequence[BlocksAnswer], Sequence[BlocksAnswer]],
) -> ContentProbe:
    """Return what the readings of source, destination and source again say of one disk."""
    probe = ContentProbe(target=target)
    if readings[1] and readings[1][0].HasField("image_locked"):
        probe.image_locked = readings[1][0].image_locked
    if readings[1] and readings[1][0].HasField("image_written"):
        probe.image_written = readings[1][0].image_written
    for zeros, before, there, after in _hashes(blocks, key, readings):
        if not (before and there and after):
            continue
        if before != after:
            probe.followed_count += there == after != zeros
            continue
        probe.compared_count += 1
        probe.equal_count += before == there
        probe.telling_count += not before == there == zeros
    return probe


def _hashes(
    blocks: Sequence[Blocks],
    key: bytes,
    readings: tuple[Sequence[BlocksAnswer], Sequence[BlocksAnswer], Sequence[BlocksAnswer]],
) -> Iterator[tuple[bytes, bytes, bytes, bytes]]:
    """Yield the hash of as many zeros, and the three readings, block by block."""
    for each, *answers in zip(blocks, *readings, strict=True):
        zeros = hashlib.blake2b(bytes(each.block_bytes), digest_size=_HASH_BYTES, key=key).digest()
        for before, there, after in zip(*(answer.hashes for answer in answers), strict=False):
            yield zeros, before, there, after
