"""What the words of qemu:commandline mean to QEMU."""

from collections.abc import Sequence
from itertools import pairwise

_DEVICE = ("-device", "--device")


def device_models(words: Sequence[str]) -> list[str]:
    """Return the device types that the words add, in order."""
    return [_model(value) for option, value in pairwise(words) if option in _DEVICE]


def _model(value: str) -> str:
    if value.startswith("{"):
        _, _, rest = value.partition('"driver"')
        return rest.split('"')[1] if rest.count('"') > 1 else ""
    return value.split(",", maxsplit=1)[0].removeprefix("driver=")
