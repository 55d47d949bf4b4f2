"""Logs of services: in the journal with priorities and fields, else on standard error."""

import io
import logging
import os
import socket
import subprocess
import sys

import pytest

from vmfit_contract.service_log import JournalHandler


@pytest.fixture
def journal(tmp_path):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as journal:
        journal.bind(f"{tmp_path}/socket")
        journal.settimeout(5)
        yield journal


@pytest.fixture
def log(tmp_path):
    """A logger whose lines go to the journal, and the stream that has what does not."""
    stream = io.StringIO()
    handler = JournalHandler(logging.StreamHandler(stream), f"{tmp_path}/socket")
    log = logging.getLogger("vmfit_contract.test_service_log")
    log.propagate = False
    log.addHandler(handler)
    log.setLevel(logging.DEBUG)
    yield log, stream
    log.removeHandler(handler)


def parse(datagram):
    fields = {}
    while datagram:
        line, _, datagram = datagram.partition(b"\n")
        name, equals, value = line.partition(b"=")
        if not equals:
            length = int.from_bytes(datagram[:8], "little")
            value, datagram = datagram[8 : 8 + length], datagram[9 + length :]
        fields[name.decode()] = value.decode()
    return fields


def test_priorities_and_fields(journal, log):
    logger, stream = log
    for method, priority in ((logger.error, "3"), (logger.warning, "4"), (logger.info, "6"),
                             (logger.debug, "7")):  # fmt: skip
        method("host %s", "alpha", extra={"fields": {"HOST": "alpha", "CHECK_ID": "0a1b"}})
        found = parse(journal.recv(65536))
        assert found["MESSAGE"] == "host alpha"
        assert found["PRIORITY"] == priority
        assert found["VMFIT_HOST"] == "alpha"
        assert found["VMFIT_CHECK_ID"] == "0a1b"
        assert found["VMFIT_LOGGER"] == "vmfit_contract.test_service_log"
    assert stream.getvalue() == ""


def test_a_value_cannot_forge_a_field(journal, log):
    logger, _ = log
    text = "x\nPRIORITY=0\nMESSAGE=all is well"
    logger.warning("%s", text, extra={"fields": {"HOST": text}})
    found = parse(journal.recv(65536))
    assert found["PRIORITY"] == "4"
    assert found["MESSAGE"] == text
    assert found["VMFIT_HOST"] == "x PRIORITY=0 MESSAGE=all is well"


def test_without_a_journal_it_is_standard_error(log):
    logger, stream = log
    logger.warning("nobody hears this")
    assert stream.getvalue() == "nobody hears this\n"


def test_a_long_line_is_cut(journal, log):
    logger, _ = log
    logger.warning("x" * 1_000_000)
    assert len(journal.recv(200_000)) < 50_000


PROGRAM = """
import logging, os, sys
from vmfit_contract.service_log import log_as_service
found = os.fstat(2)
if sys.argv[1] == "journal":
    os.environ["JOURNAL_STREAM"] = f"{found.st_dev}:{found.st_ino}"
log_as_service(lambda text: text.replace("secret", "***"))
kinds = [type(each).__name__ for each in logging.getLogger().handlers]
print(kinds)
logging.warning("the secret is out\\x1b[31m")
"""


@pytest.mark.parametrize(("where", "kind"), [("journal", "JournalHandler"), ("", "StreamHandler")])
def test_the_journal_is_used_where_systemd_says_so(where, kind):
    ended = subprocess.run(
        [sys.executable, "-c", PROGRAM, where], capture_output=True, text=True, check=True,
        env={name: value for name, value in os.environ.items() if name != "JOURNAL_STREAM"},
    )  # fmt: skip
    assert ended.stdout == f"['{kind}']\n"
    if kind == "StreamHandler":
        assert ended.stderr == "WARNING: the *** is out\N{REPLACEMENT CHARACTER}[31m\n"
