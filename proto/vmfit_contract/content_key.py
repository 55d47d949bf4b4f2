"""The key of content hashes: from the nonces of all agents whose hashes are to be compared."""

import hashlib
from collections.abc import Iterable

NONCE_BYTES = range(16, 65)
"""How long a nonce may be."""
MAX_NONCES = 1024
"""How many there may be in one request: a host each."""
_KEY_BYTES = 32


def content_key(nonces: Iterable[bytes]) -> bytes:
    """Return the key, whatever the nonces' order; one that stands twice counts once."""
    digest = hashlib.blake2b(digest_size=_KEY_BYTES, person=b"vmfit content")
    for nonce in sorted(set(nonces)):
        # With its length, so that no two lists are one text.
        digest.update(len(nonce).to_bytes(1) + nonce)
    return digest.digest()


def nonces_complaint(nonces: Iterable[bytes]) -> str:
    """Return what must be different about a request's nonces; empty for nothing."""
    lengths = [len(each) for each in nonces]
    if len(lengths) > MAX_NONCES:
        return f"must be at most {MAX_NONCES}"
    if any(each not in NONCE_BYTES for each in lengths):
        return f"must have {NONCE_BYTES[0]} to {NONCE_BYTES[-1]} bytes each"
    return ""
