"""What a process that is not root, but has some of root's rights, does with them."""

import os
import subprocess
import sys

import pytest

from vmfit_agent.process_rights import SETGID, SETUID, holds

PROGRAM = r"""
import ctypes, os, struct, subprocess, sys
from vmfit_agent.probes.as_user import call_as, may_act_for_others
from vmfit_agent.probes.qemu_user import QemuUser
from vmfit_agent.process_rights import keep_from_programs

# As systemd starts a unit that has User= and AmbientCapabilities=: CAP_DAC_READ_SEARCH, SETUID and
# SETGID of a user who is not root.
mask = 1 << 2 | 1 << 6 | 1 << 7
libc = ctypes.CDLL(None)
libc.prctl(8, *map(ctypes.c_ulong, (1, 0, 0, 0)))
os.setgroups([]); os.setresgid(64990, 64990, 64990); os.setresuid(64990, 64990, 64990)
libc.capset(struct.pack("=Ii", 0x20080522, 0), struct.pack("=6I", mask, mask, mask, 0, 0, 0))
for each in (2, 6, 7):
    libc.prctl(47, *map(ctypes.c_ulong, (2, each, 0, 0)))

def program(user=None):
    done = subprocess.run([sys.argv[1], sys.argv[2]], user=user, stderr=subprocess.DEVNULL)
    return "reads" if done.returncode == 0 else "refused"

secret = sys.argv[2]
print("itself", "reads" if open(secret).read() else "")
print("programs", program())
keep_from_programs()
print("programs", program(), program(64991))
assert may_act_for_others()
other = QemuUser("other", 64991, 64991, (64991,), owns_images=True)
def read():
    try:
        return "reads" if open(secret).read() else ""
    except PermissionError:
        return "refused"
found = [call_as(other, each) for each in (read, os.geteuid, may_act_for_others)]
print("another", *found)
print("itself", read(), os.geteuid())
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="takes rights that only root can give")
def test_rights_reach_neither_programs_nor_who_is_acted_for(tmp_path):
    secret = tmp_path / "secret"
    secret.write_text("x")
    secret.chmod(0o600)
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, "/bin/cat", str(secret)], capture_output=True, text=True,
        check=False, timeout=60,
    )  # fmt: skip
    printed = [line for line in done.stdout.splitlines() if line != "x"]
    # What cat prints of the file stands on lines with what follows it.
    assert [line.removeprefix("x") for line in printed] == [
        "itself reads",
        "programs reads",
        "programs refused refused",
        "another refused 64991 False",
        "itself reads 64990",
    ], done.stderr


def test_root_holds_what_it_has():
    assert holds(SETUID, SETGID) == (os.geteuid() == 0)
    assert holds() is True
    assert not holds(63)
