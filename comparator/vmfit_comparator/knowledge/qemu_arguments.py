"""What the words of qemu:commandline mean to QEMU."""

import re
from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

_DEVICE = ("-device", "--device")


def device_models(words: Sequence[str]) -> list[str]:
    """Return the device types that the words add, in order."""
    return [_model(value) for option, value in pairwise(words) if option in _DEVICE]


def _model(value: str) -> str:
    if value.startswith("{"):
        _, _, rest = value.partition('"driver"')
        return rest.split('"')[1] if rest.count('"') > 1 else ""
    return value.split(",", maxsplit=1)[0].removeprefix("driver=")


class Endpoint(NamedTuple):
    """A TCP port that an argument names."""

    option: str
    host: str
    """Empty for every address."""
    port: int
    listens: bool


_PLAIN = ("-serial", "-parallel", "-monitor", "-qmp", "-qmp-pretty", "-gdb")
_PLACE = re.compile(r"(?:tcp|telnet|websocket):(\[[^\]]*\]|[^:,]*):(\d{1,5})$")
_ON = ("", "on", "yes", "true")


def endpoints(words: Sequence[str]) -> list[Endpoint]:
    """Return the TCP ports of character devices, monitors and debuggers, in order.

    Source: qemu(1): -chardev socket, -serial tcp and telnet, -gdb.
    """
    found = []
    for option, value in pairwise(words):
        name = option.removeprefix("-") if option.startswith("--") else option
        kind, *rest = value.split(",")
        settings = dict(_setting(each) for each in rest)
        if name == "-chardev" and kind == "socket" and settings.get("port", "").isdecimal():
            host, port = settings.get("host", ""), settings["port"]
        elif name in _PLAIN and (place := _PLACE.fullmatch(kind)):
            host, port = place[1].strip("[]"), place[2]
        else:
            continue
        listens = name == "-gdb" or settings.get("server", "off") in _ON
        if len(port) <= 5 and 0 < int(port) < 1 << 16:
            found.append(Endpoint(name, host, int(port), listens))
    return found


def _setting(text: str) -> tuple[str, str]:
    name, _, value = text.partition("=")
    return name, value
