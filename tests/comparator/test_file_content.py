"""Whether two hosts' files have the same content, by hashes that may not have been made alike."""

import pytest

from vmfit.v1.vm_pb2 import HostPath
from vmfit_comparator.knowledge.file_content import same_content

PLAIN, OTHER = HostPath(sha256="aa"), HostPath(sha256="bb")
KEYED = HostPath(keyed_hash="k1:aa")


@pytest.mark.parametrize(
    ("here", "there", "same"),
    [
        (PLAIN, PLAIN, True),
        (PLAIN, OTHER, False),
        (KEYED, KEYED, True),
        (KEYED, HostPath(keyed_hash="k1:bb"), False),
        # By another key nothing is said, whatever the hashes are.
        (KEYED, HostPath(keyed_hash="k2:aa"), None),
        (KEYED, HostPath(keyed_hash="k2:bb"), None),
        (PLAIN, KEYED, None),
        (KEYED, HostPath(), None),
        (HostPath(), HostPath(), None),
    ],
)
def test_same_content(here, there, same):
    assert same_content(here, there) is same
    assert same_content(there, here) is same
