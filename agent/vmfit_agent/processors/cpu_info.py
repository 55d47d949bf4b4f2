"""Reads /proc/cpuinfo: what every architecture tells in its own way."""

import re
from typing import NamedTuple

_FLAGS = re.compile(r"^(?:flags|Features|features|isa)[ \t]*:[ \t]*(.*)$", re.MULTILINE)
_MICROCODE = re.compile(r"^microcode[ \t]*:[ \t]*(0x[0-9a-f]{1,16})$", re.MULTILINE)
_PROCESSOR = re.compile(r"^processor[ \t]*:?[ \t]*(\d{1,6})\b", re.MULTILINE)
_PVR = re.compile(r"\(pvr ([0-9a-f]{4}) ([0-9a-f]{4})\)")
_S390_MACHINE = re.compile(r"\bmachine = (\d{4})\b")
_ADDRESS_SIZES = re.compile(r"(\d{1,3}) bits physical, (\d{1,3}) bits virtual")

# Arm's register of implementers (MIDR_EL1).
_ARM_IMPLEMENTERS = {
    0x41: "ARM", 0x42: "Broadcom", 0x43: "Cavium", 0x46: "FUJITSU", 0x48: "HiSilicon",
    0x4E: "NVIDIA", 0x50: "APM", 0x51: "Qualcomm", 0x53: "Samsung", 0x56: "Marvell",
    0x61: "Apple", 0x69: "Intel", 0x6D: "Microsoft", 0x70: "Phytium", 0xC0: "Ampere",
}  # fmt: skip


class CpuInfo(NamedTuple):
    """What the kernel prints; None and empty where it does not."""

    cpu_ids: tuple[int, ...] = ()
    vendor: str | None = None
    model_name: str | None = None
    family: int | None = None
    model: int | None = None
    stepping: int | None = None
    microcode_revisions: tuple[int, ...] = ()
    physical_address_bits: int | None = None
    virtual_address_bits: int | None = None
    flags: frozenset[str] = frozenset()
    """Words that every processor has."""


def parse_cpuinfo(text: str) -> CpuInfo:
    """Return what /proc/cpuinfo says of the first processor, and the flags that all have.

    On Arm `model` is the part number, `stepping` variant * 16 + revision; on POWER they are the two
    halves of the PVR; on s390 `model` is the machine type.
    Source: Documentation/filesystems/proc.rst; arch/*/kernel.
    """
    shown = _first_values(text)
    bits = _ADDRESS_SIZES.search(shown.get("address sizes", ""))
    family, model, stepping = _signature(shown, text)
    return CpuInfo(
        cpu_ids=tuple(dict.fromkeys(int(number) for number in _PROCESSOR.findall(text))),
        vendor=_vendor(shown),
        model_name=_model_name(shown),
        family=family,
        model=model,
        stepping=stepping,
        microcode_revisions=tuple(sorted({int(word, 16) for word in _MICROCODE.findall(text)})),
        physical_address_bits=int(bits[1]) if bits else None,
        virtual_address_bits=int(bits[2]) if bits else None,
        flags=_flags(text),
    )


def _first_values(text: str) -> dict[str, str]:
    # The first processor's block, and the end: old Arm kernels keep the common lines there.
    first = text.strip().partition("\n\n")[0][:65536]
    values: dict[str, str] = {}
    for line in [*first.splitlines(), *text[-2048:].splitlines()[1:]]:
        key, colon, value = line.partition(":")
        if colon:
            values.setdefault(key.strip(), value.strip())
    return values


def _vendor(shown: dict[str, str]) -> str | None:
    implementer = _integer(shown.get("CPU implementer"))
    if implementer is not None:
        return _ARM_IMPLEMENTERS.get(implementer, f"{implementer:#04x}")
    if shown.get("cpu", "").startswith("POWER"):
        return "IBM"
    if shown.get("Model Name", shown.get("model name", "")).startswith("Loongson"):
        return "Loongson"
    return shown.get("vendor_id") or shown.get("vendor") or None


def _model_name(shown: dict[str, str]) -> str | None:
    keys = ("model name", "Model Name", "cpu", "Processor", "uarch", "cpu model")
    name = next((shown[key] for key in keys if shown.get(key)), None)
    # "POWER9, altivec supported"
    return name.partition(",")[0] if name is not None and "cpu" in shown else name


def _signature(shown: dict[str, str], text: str) -> tuple[int | None, int | None, int | None]:
    if "CPU implementer" in shown:
        variant = _integer(shown.get("CPU variant"))
        revision = _integer(shown.get("CPU revision"))
        known = variant is not None and revision is not None
        stepping = (variant or 0) * 16 + (revision or 0) if known else None
        return None, _integer(shown.get("CPU part")), stepping
    pvr = _PVR.search(shown.get("revision", ""))
    if pvr:
        return None, int(pvr[1], 16), int(pvr[2], 16)
    if shown.get("vendor_id") == "IBM/S390":
        machine = _S390_MACHINE.search(text) or re.search(
            r"^machine\s*: (\d{4})$", text, re.MULTILINE
        )
        return None, int(machine[1]) if machine else None, None
    return (
        _integer(shown.get("cpu family", shown.get("family"))),
        _integer(shown.get("model")),
        _integer(shown.get("stepping", shown.get("revision"))),
    )


def _integer(text: str | None) -> int | None:
    if text is None or not re.fullmatch(r"0x[0-9a-f]{1,8}|\d{1,9}", text):
        return None
    return int(text, 16 if text.startswith("0x") else 10)


def _flags(text: str) -> frozenset[str]:
    # Nearly always one line repeated for every processor.
    lines = {line.strip() for line in _FLAGS.findall(text)}
    sets = [frozenset(_words(line)) for line in lines if line]
    return frozenset.intersection(*sets) if sets else frozenset()


def _words(line: str) -> list[str]:
    if not line.startswith("rv"):
        return line.split()
    # RISC-V: one letter each, then longer names after underscores: "rv64imafdc_zicsr".
    letters, *names = line.split("_")
    return [*letters[4:], *names]
