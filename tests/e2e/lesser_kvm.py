"""KVM in the lab: whether the machine has it, and one that lacks CPU features."""

import fcntl
import os
import shutil
import subprocess
from collections.abc import Iterable
from pathlib import Path

from vmfit_contract.cpu_features import Bit, Cpuid, feature

_CREATE_VM = 0xAE01
_SOURCE = Path(__file__).parent / "lesser_kvm.c"


def kvm_trouble() -> str:
    """Tell why the machine cannot run guests of KVM; empty when it can."""
    try:
        device = os.open("/dev/kvm", os.O_RDWR | os.O_CLOEXEC)
    except OSError as error:
        return f"no KVM: {error}"
    try:
        os.close(fcntl.ioctl(device, _CREATE_VM, 0))
    except OSError as error:
        return f"KVM does not work: {error}"
    finally:
        os.close(device)
    return ""


def compiler_trouble() -> str:
    """Tell why no KVM that lacks features can be made; empty when it can."""
    return "" if shutil.which("cc") else "no C compiler"


def lesser_kvm(library: Path, lacks: Iterable[str]) -> Path:
    """Write a library by which programs find a KVM that lacks CPU features; return its path.

    It clears their bits in the answer to KVM_GET_SUPPORTED_CPUID, as an older kernel would.
    """
    rows = [_row(feature(name)) for name in lacks]
    command = ["cc", "-shared", "-fPIC", "-O2", f"-DLACKS={','.join(rows)}", "-o"]
    subprocess.run([*command, str(library), str(_SOURCE)], check=True)
    return library


def _row(missing: Bit | str) -> str:
    if not isinstance(missing, Bit) or not isinstance(missing.place, Cpuid):
        raise TypeError(f"{missing} is no bit of CPUID")
    leaf, subleaf, register = missing.place
    return (
        f"{{{leaf}u, {subleaf}u, offsetof(struct kvm_cpuid_entry2, {register}), {missing.number}}}"
    )
