"""Keyed hashes of a few blocks: equal content, without telling the content."""

import errno
import fcntl
import hashlib
import mmap
import os
from collections.abc import Iterator

from vmfit.v1.probe_pb2 import BlocksAnswer, HashBlocks
from vmfit_agent.probes.image_lock import image_locked, image_written
from vmfit_agent.probes.terms import Terms
from vmfit_agent.probes.unanswerable import Unanswerable
from vmfit_agent.probes.validation import SECTOR_BYTES
from vmfit_agent.storage.content import NotTold, contents
from vmfit_agent.storage.content_nonces import CONTENT_NONCES, ForeignNoncesError

_ALIGNMENT = 4096
_DIGEST_BYTES = 16


def hash_blocks(question: HashBlocks, terms: Terms) -> BlocksAnswer:
    """Return one hash per offset, empty where fewer than 512 bytes are left.

    What is read comes from the storage: past this host's page cache, which may hold what another
    host has since overwritten. Raises OSError, and Unanswerable for what is no regular file or
    block device that a guest could have.
    Source: BLAKE2b (RFC 7693) of 16 bytes, keyed with a hash of all nonces.
    """
    try:
        key = CONTENT_NONCES.key(question.nonces)
    except ForeignNoncesError as error:
        raise Unanswerable(str(error)) from None
    # O_DIRECT first: most storage takes it.
    for flags in (os.O_DIRECT, 0):
        try:
            return contents(terms.host).read(
                question.path, terms.left(), lambda opened: _hash(question, key, opened), flags
            )
        except NotTold as error:
            raise Unanswerable(str(error)) from None
        except OSError as error:
            if not flags or error.errno not in (errno.EINVAL, errno.EOPNOTSUPP):
                raise
    raise AssertionError


def _hash(question: HashBlocks, key: bytes, descriptor: int) -> BlocksAnswer:
    size = os.lseek(descriptor, 0, os.SEEK_END)
    hashes = [
        hashlib.blake2b(block, digest_size=_DIGEST_BYTES, key=key).digest()
        if len(block) >= SECTOR_BYTES
        else b""
        for block in _blocks(descriptor, question)
    ]
    return BlocksAnswer(
        hashes=hashes,
        size_bytes=size,
        image_locked=image_locked(descriptor),
        image_written=image_written(descriptor),
    )


def _blocks(descriptor: int, question: HashBlocks) -> Iterator[bytes]:
    length = question.block_bytes
    # A mapping is aligned to pages, as direct reads want their buffer.
    with mmap.mmap(-1, length + 2 * _ALIGNMENT) as buffer:
        for offset in question.offsets:
            before = offset % _ALIGNMENT
            span = -(-(before + length) // _ALIGNMENT) * _ALIGNMENT
            count = _read(descriptor, buffer, span, offset - before)
            yield buffer[before : min(before + length, count)] if count > before else b""


def _read(descriptor: int, buffer: mmap.mmap, span: int, offset: int) -> int:
    """Fill the buffer's beginning from the offset, and return how many bytes there were."""
    with memoryview(buffer) as view, view[:span] as window:
        if fcntl.fcntl(descriptor, fcntl.F_GETFL) & os.O_DIRECT:
            try:
                return os.preadv(descriptor, [window], offset)
            except OSError as error:
                if error.errno != errno.EINVAL:
                    raise
            # Direct reads of this storage want more than whole pages.
            fcntl.fcntl(descriptor, fcntl.F_SETFL, os.O_NONBLOCK)
        os.posix_fadvise(descriptor, offset, span, os.POSIX_FADV_DONTNEED)
        return os.preadv(descriptor, [window], offset)
