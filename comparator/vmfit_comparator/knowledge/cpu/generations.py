"""Named CPU models in the order in which their processors came out."""

import re

# QEMU's and libvirt's names, without what follows the generation ("-IBRS", "-noTSX", "-v4").
_GENERATIONS = (
    ("qemu32", "486", "athlon", "kvm32", "coreduo", "n270"),
    ("qemu64", "pentium", "pentium2", "pentium3", "kvm64", "cpu64-rhel5", "phenom"),
    ("cpu64-rhel6", "core2duo", "Opteron_G1", "Opteron_G2"),
    ("Conroe", "Penryn", "Opteron_G3"),
    ("Nehalem",),
    ("Westmere", "Opteron_G4"),
    ("SandyBridge", "Opteron_G5"),
    ("IvyBridge",),
    ("Haswell",),
    ("Broadwell",),
    ("Skylake-Client", "Denverton"),
    ("Skylake-Server", "EPYC", "Dhyana"),
    ("Snowridge",),
    ("Cascadelake-Server", "EPYC-Rome"),
    ("Cooperlake",),
    ("Icelake-Client",),
    ("Icelake-Server", "EPYC-Milan"),
    ("SapphireRapids", "EPYC-Genoa"),
    ("SierraForest", "GraniteRapids", "EPYC-Turin"),
    ("ClearwaterForest", "DiamondRapids"),
)
# IBM Z, in the order of QEMU's s390x models; "gen15a" is what was sold as z15.
_Z = (
    ("z900", "z800"), ("z990", "z890"), ("z9EC", "z9BC"), ("z10EC", "z10BC"), ("z196", "z114"),
    ("zEC12", "zBC12"), ("z13", "z13.2", "z13s"), ("z14", "z14.2", "z14ZR1"),
    ("gen15a", "gen15b"), ("gen16a", "gen16b"), ("gen17a", "gen17b"),
)  # fmt: skip
_BY_NAME = {name: place for place, names in enumerate(_GENERATIONS, 1) for name in names} | {
    name: place for place, names in enumerate(_Z, 1) for name in names
}
_BY_LENGTH = sorted(_BY_NAME, key=len, reverse=True)
_NUMBERED = re.compile(r"(?:POWER|power)(\d+)")
_VERSION = re.compile(r"-v(\d+)$")


def generation(name: str) -> tuple[int, int, int]:
    """Return a key by which newer models sort last: generation, mitigations, version.

    Models of unknown families come first.
    """
    place = next(
        (_BY_NAME[known] for known in _BY_LENGTH if name == known or name.startswith(f"{known}-")),
        0,
    )
    numbered = _NUMBERED.match(name)
    if not place and numbered:
        place = int(numbered[1])
    version = _VERSION.search(name)
    hardened = ("-IBRS" in name) + ("-IBPB" in name) - ("noTSX" in name)
    return place, hardened, int(version[1]) if version else 0
