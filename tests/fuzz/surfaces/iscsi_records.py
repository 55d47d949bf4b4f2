"""Open-iSCSI's records of targets, and the initiator's name."""

import atexit
import shutil
import tempfile
from pathlib import Path

from vmfit_agent.collectors import iscsi
from vmfit_agent.host import Host

_ROOT = Path(tempfile.mkdtemp())
atexit.register(shutil.rmtree, _ROOT, ignore_errors=True)
_NODE = "etc/iscsi/nodes/iqn.2004-04.com.example:t1/10.0.0.9,3260,1"
_PLACES = (f"{_NODE}/default", "etc/iscsi/nodes/iqn.2004-04.com.example:t2/10.0.0.8,3260,1",
           "etc/iscsi/initiatorname.iscsi")  # fmt: skip
for each in _PLACES:
    (_ROOT / each).parent.mkdir(parents=True, exist_ok=True)
    (_ROOT / each).touch()


def seeds():
    record = (
        "# BEGIN RECORD 2.1.8\nnode.name = iqn.2004-04.com.example:t1\nnode.tpgt = 1\n"
        "node.startup = automatic\nnode.conn[0].address = 10.0.0.9\nnode.conn[0].port = 3260\n"
        "node.session.auth.authmethod = CHAP\nnode.session.auth.password = x y\n# END RECORD\n"
    )
    for number in range(2):
        yield bytes((number,)) + record.encode()
    yield b"\2## a comment\nInitiatorName=iqn.1993-08.org.debian:01:abc\nInitiatorAlias=x\n"


def read(data):
    place = _ROOT / _PLACES[data[0] % len(_PLACES) if data else 0]
    place.write_bytes(data[1:])
    iscsi.collect(Host(_ROOT))
    text = data[1:].decode("utf-8", "replace")
    kept = iscsi.record_without_secrets(text)
    assert iscsi.record_without_secrets(kept) == kept
