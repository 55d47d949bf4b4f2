"""Snapshot files, in JSON and in the binary form."""

import atexit
import os
import tempfile
from contextlib import suppress
from pathlib import Path

from tests.comparator.builders import destination_snapshot, source_snapshot
from vmfit_contract.json_text import to_json
from vmfit_contract.masking.identifier_hashes import IdentifierHashes
from vmfit_contract.masking.snapshots import mask_snapshot
from vmfit_contract.snapshot_file import SnapshotFileError, read_snapshot

_HASHES = IdentifierHashes(b"k" * 32)
_DESCRIPTOR, _NAME = tempfile.mkstemp()
atexit.register(os.unlink, _NAME)


def seeds():
    for snapshot in (source_snapshot(), destination_snapshot()):
        yield to_json(snapshot).encode()
        yield snapshot.SerializeToString()
    yield b"{}"
    yield b'{"cpu": {}, "parts": [{"name": "none"}]}'


def read(data):
    os.ftruncate(_DESCRIPTOR, 0)
    os.pwrite(_DESCRIPTOR, data, 0)
    with suppress(SnapshotFileError):
        snapshot = read_snapshot(Path(_NAME))
        to_json(snapshot)
        hashed = type(snapshot).FromString(snapshot.SerializeToString())
        _HASHES.hide_snapshot(hashed)
        mask_snapshot(snapshot, b"k" * 32)
