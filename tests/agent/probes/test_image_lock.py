"""Locks on images, as QEMU takes them."""

import fcntl
import os
import struct

import pytest

from tests.agent.probes.permissive import terms
from vmfit.v1.probe_pb2 import HashBlocks
from vmfit_agent.probes.hash_blocks import hash_blocks
from vmfit_agent.probes.image_lock import image_locked, image_written
from vmfit_agent.storage.content_nonces import CONTENT_NONCES

F_OFD_SETLK = 37


@pytest.fixture
def image(tmp_path):
    path = tmp_path / "image"
    path.write_bytes(bytes(4096))
    return path


def lock(descriptor, first, kind=fcntl.F_RDLCK):
    fcntl.fcntl(descriptor, F_OFD_SETLK, struct.pack("@hhqqi4x", kind, os.SEEK_SET, first, 1, 0))


@pytest.mark.parametrize(
    ("first", "expected"), [(None, False), (50, False), (100, True), (203, True), (300, False)]
)
def test_lock(image, first, expected):
    with image.open("r+b") as guest, image.open("rb") as looking:
        if first is not None:
            lock(guest.fileno(), first)
        assert image_locked(looking.fileno()) is expected
        # Looking takes no lock: a guest may still start.
        lock(guest.fileno(), 150, fcntl.F_WRLCK)


@pytest.mark.parametrize(
    ("first", "expected"), [(None, False), (100, False), (101, True), (201, False)]
)
def test_who_writes(image, first, expected):
    with image.open("rb") as guest, image.open("rb") as looking:
        if first is not None:
            lock(guest.fileno(), first)
        assert image_written(looking.fileno()) is expected


def test_no_file(tmp_path):
    descriptor = os.open(tmp_path, os.O_RDONLY)
    try:
        assert image_locked(descriptor) is None
    finally:
        os.close(descriptor)


def test_hashes_tell(image):
    question = HashBlocks(
        path=str(image), nonces=[CONTENT_NONCES.current()], offsets=[0], block_bytes=512
    )
    assert hash_blocks(question, terms()).image_locked is False
    with image.open("rb") as guest:
        lock(guest.fileno(), 100)
        answer = hash_blocks(question, terms())
        assert (answer.image_locked, answer.image_written) == (True, False)
