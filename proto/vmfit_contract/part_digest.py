"""The hash by which two who speak of a snapshot's part know that it is the same."""

# hashlib itself would load OpenSSL, which takes longer than most collectors.
from _blake2 import blake2b

from google.protobuf.message import Message


def digest(part: Message) -> str:
    """Return the hash of a part's content, the same for equal messages."""
    encoded = part.SerializeToString(deterministic=True)
    return blake2b(encoded, digest_size=16).hexdigest()
