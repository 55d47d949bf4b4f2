"""Arm's kinds of cores, which differ within one host more often than not."""

from collections.abc import Sequence

from vmfit.v1.cpu_pb2 import CoreKind
from vmfit_agent.host import Host
from vmfit_agent.kernel_files.host_files import read_word

_REGISTER = "sys/devices/system/cpu/cpu{cpu}/regs/identification/midr_el1"
FILES = (_REGISTER.format(cpu="*"),)


def read_arm_kinds(host: Host, online: Sequence[int]) -> list[CoreKind]:
    """Return the kinds in the order of their first CPU; none where the kernel tells no register.

    Source: MIDR_EL1; Documentation/arch/arm64/cpu-feature-registers.rst.
    """
    kinds: dict[int, CoreKind] = {}
    for cpu in online:
        word = read_word(host, _REGISTER.format(cpu=cpu)) or ""
        try:
            register = int(word, 16)
        except ValueError:
            continue
        if not 0 <= register < 1 << 64:
            continue
        kind = kinds.setdefault(register, CoreKind(first_cpu_id=cpu, main_id_register=register))
        kind.cpu_ids.append(cpu)
    return list(kinds.values())
