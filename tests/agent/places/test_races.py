"""Somebody changes what a path leads to while it is looked at: what was judged is what is read."""

import hashlib
import os
import threading
import time

import pytest

from tests.agent.places.asked import LARGE_SECRET, hashing, question, write
from tests.agent.probes.permissive import terms
from vmfit_agent.probes.hash_blocks import hash_blocks
from vmfit_agent.probes.unanswerable import Unanswerable
from vmfit_agent.storage.content_hash import keyed_hash
from vmfit_agent.storage.content_nonces import CONTENT_NONCES
from vmfit_contract.content_key import content_key

SECONDS = 2.0
HARMLESS = b"harmless" * 4096


def turns(tmp_path, place, kind):
    """Yield what puts something else at the place, again and again."""
    new = tmp_path / "srv/new"

    def link(target):
        new.symlink_to(target)
        new.replace(place)

    harmless = write(tmp_path / "srv/harmless", HARMLESS)
    secret = tmp_path / "system/secret"
    if kind == "link":
        return [lambda: link(harmless), lambda: link(secret)]
    if kind == "fifo":

        def fifo():
            os.mkfifo(new)
            new.replace(place)

        return [fifo, lambda: link(harmless), lambda: link(secret)]
    directory, other = tmp_path / "srv/directory", tmp_path / "srv/other"
    write(directory / "secret", HARMLESS)

    def away():
        directory.rename(other)
        directory.symlink_to(secret.parent)

    def back():
        directory.unlink()
        other.rename(directory)

    return [away, back]


@pytest.mark.parametrize("kind", ["link", "fifo", "directory"])
def test_no_race_is_won(tmp_path, system, kind):
    write(system / "secret")
    place = tmp_path / "srv" / ("directory/secret" if kind == "directory" else "place")
    place.parent.mkdir(parents=True, exist_ok=True)
    steps = turns(tmp_path, place, kind)
    end = time.monotonic() + SECONDS
    turned = []

    def turn():
        while time.monotonic() < end:
            for step in steps:
                step()
            turned.append(1)

    thread = threading.Thread(target=turn)
    thread.start()
    key = content_key([CONTENT_NONCES.current()])
    forbidden = {
        hashlib.blake2b(LARGE_SECRET[:512], digest_size=16, key=key).digest(),
        keyed_hash(hashlib.sha256(LARGE_SECRET).hexdigest(), bytes(32)),
    }
    seen, refused = set(), 0
    while time.monotonic() < end:
        found = hashing().describe(str(place), hash_content=True)
        assert found.size_bytes in (0, len(HARMLESS))
        seen.add(found.keyed_hash)
        try:
            seen |= set(hash_blocks(question(place), terms()).hashes)
        except (Unanswerable, OSError):
            refused += 1
    thread.join()
    print(f"{kind}: {len(turned)} turns, {refused} refusals")  # noqa: T201
    assert seen.isdisjoint(forbidden)
    assert seen - {""}
    assert refused
