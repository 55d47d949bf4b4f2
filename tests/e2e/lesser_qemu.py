"""QEMUs that lack something: hosts with a weaker CPU, or an older or leaner hypervisor."""

from pathlib import Path


def lesser_qemu(path: Path, lacks: str) -> None:
    """Write a QEMU that lacks something: avx2, machine (pc-*-7.2), or a device of that name."""
    binary = bytearray(Path("/usr/bin/qemu-system-x86_64").read_bytes())
    if lacks == "avx2":
        patched = _without_avx2(binary)
    elif lacks == "machine":
        patched = sum(
            _rename(binary, f"pc-{board}-7.2-machine", f"pc-{board}-7.x-machine")
            for board in ("q35", "i440fx")
        )
    else:
        patched = _rename(binary, lacks, lacks[:3] + "_" * (len(lacks) - 3))
    if not patched:
        raise ValueError(f"this QEMU was not recognised: nothing to take {lacks} from")
    path.write_bytes(binary)
    path.chmod(0o755)


def _without_avx2(binary: bytearray) -> int:
    """Clear a bit in the mask of what TCG can give.

    It stands in the binary after its CPUID coordinates (leaf 7, subleaf 0, EBX); bit 5 is AVX2.
    """
    coordinates = b"".join(word.to_bytes(4, "little") for word in (7, 1, 0, 3))
    position, patched = binary.find(coordinates), 0
    while position >= 0:
        mask = position + len(coordinates)
        value = int.from_bytes(binary[mask : mask + 8], "little")
        if value & 1 << 5 and value < 1 << 32:
            binary[mask : mask + 8] = (value & ~(1 << 5)).to_bytes(8, "little")
            patched += 1
        position = binary.find(coordinates, mask)
    return patched


def _rename(binary: bytearray, old: str, new: str) -> int:
    """Give a type another name of the same length; return how often it stood there."""
    count = binary.count(old.encode())
    binary[:] = binary.replace(old.encode(), new.encode())
    return count
