"""What the tests of paths ask, and files to ask about."""

from tests.agent.probes.permissive import terms
from vmfit.v1.host_metadata_service_pb2 import DescribeVmRequest
from vmfit.v1.probe_pb2 import AccessPath, HashBlocks
from vmfit_agent.describe import describe_vm
from vmfit_agent.host import Host
from vmfit_agent.probes.access_path import access_path
from vmfit_agent.probes.hash_blocks import hash_blocks
from vmfit_agent.probes.unanswerable import Unanswerable
from vmfit_agent.storage.content_nonces import CONTENT_NONCES
from vmfit_agent.storage.element import (
    DEVICE,
    DIRECTORY,
    IMAGE,
    MADE,
    MEMORY,
    PIPE,
    PROGRAM,
    SHARED_MEMORY,
    SOCKET,
)
from vmfit_agent.storage.host_path import PathInspector
from vmfit_contract.access import LOCAL, Caller, Role

READER = Caller("dns:reader.example", frozenset((Role.READ,)))
SMALL_SECRET = b"pin=4711\n"
LARGE_SECRET = b"secret" * 4096


def kernel(path):
    return f"<domain><name>g</name><os><kernel>{path}</kernel></os></domain>"


def described(xml, caller=LOCAL, host=None):
    request = DescribeVmRequest(xml=xml, content_nonces=[CONTENT_NONCES.current()])
    return describe_vm(request, host or Host(), caller).vm


def hashing(host=None, used=()):
    """An inspector that hashes."""
    return PathInspector(host or Host(), used, bytes(32))


def write(path, content=LARGE_SECRET, mode=0o600):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    path.chmod(mode)
    return path


EVERY_ELEMENT = [IMAGE, MEMORY, SOCKET, DEVICE, DIRECTORY, MADE, PIPE, PROGRAM, SHARED_MEMORY]


def every_answer(path):
    """Return what each way to ask about a path tells, without the path."""

    def probed(ask):
        try:
            return str(ask())
        except (OSError, Unanswerable) as error:
            return str(error)

    answers = [
        str(hashing().describe(path, element, hash_content=True)) for element in EVERY_ELEMENT
    ]
    answers.append(str(PathInspector(Host()).header(path)))
    answers.append(str(PathInspector(Host()).allocated_bytes(path)))
    answers.append(probed(lambda: hash_blocks(question(path), terms())))
    answers.append(probed(lambda: access_path(AccessPath(path=path), terms())))
    answers.append(probed(lambda: access_path(AccessPath(path=path, write=True), terms())))
    return [each.replace(path, "") for each in answers]


def question(path):
    return HashBlocks(
        path=str(path), nonces=[CONTENT_NONCES.current()], offsets=[0], block_bytes=512
    )
