"""ROM files of QEMU's data directories."""

from vmfit_agent.host import Host
from vmfit_agent.virtualization.rom_files import rom_files


def test_the_first_of_a_name_counts(tmp_path):
    for directory, size in (("usr/share/qemu", 10), ("usr/lib/ipxe/qemu", 20)):
        (tmp_path / directory).mkdir(parents=True)
        (tmp_path / directory / "efi-virtio.rom").write_bytes(b"x" * size)
    (tmp_path / "usr/lib/ipxe/qemu/efi-e1000.rom").write_bytes(b"xyz")
    (tmp_path / "usr/share/qemu/keymaps").write_text("no ROM")
    files = [(each.name, each.path, each.size_bytes) for each in rom_files(Host(root=tmp_path))]
    assert files == [
        ("efi-e1000.rom", "/usr/lib/ipxe/qemu/efi-e1000.rom", 3),
        ("efi-virtio.rom", "/usr/share/qemu/efi-virtio.rom", 10),
    ]


def test_a_dangling_link_and_no_directory_are_left_out(tmp_path):
    (tmp_path / "usr/share/seabios").mkdir(parents=True)
    (tmp_path / "usr/share/seabios/bios.bin").symlink_to("/nowhere")
    assert rom_files(Host(root=tmp_path)) == []
