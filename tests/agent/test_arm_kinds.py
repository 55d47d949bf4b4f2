"""Arm's kinds of cores."""

from vmfit_agent.host import Host
from vmfit_agent.processors.arm_kinds import read_arm_kinds


def test_kinds_by_register(tmp_path):
    for cpu, text in enumerate(["0x410fd034\n", "0x410fd034\n", "0x410fd083\n", "none\n", "-5\n"]):
        place = tmp_path / f"sys/devices/system/cpu/cpu{cpu}/regs/identification"
        place.mkdir(parents=True)
        (place / "midr_el1").write_text(text)
    found = read_arm_kinds(Host(tmp_path), [0, 1, 2, 3, 4, 5])
    assert [(each.first_cpu_id, list(each.cpu_ids), each.main_id_register) for each in found] == [
        (0, [0, 1], 0x410FD034),
        (2, [2], 0x410FD083),
    ]


def test_a_kernel_that_tells_no_register(tmp_path):
    assert read_arm_kinds(Host(tmp_path), [0]) == []
