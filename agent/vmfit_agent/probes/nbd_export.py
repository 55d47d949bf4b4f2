"""May this host write to an NBD export?"""

import re
from pathlib import Path

from vmfit.v1.vm_pb2 import NetworkHost, StorageSource
from vmfit_agent.probes.bounded_program import run_program
from vmfit_agent.probes.disk_places import plain_name, port_of
from vmfit_agent.probes.qemu_user import QemuUser

_QEMU_NBD = "qemu-nbd"
_FLAGS = re.compile(r"^  flags: 0x[0-9a-f]+ \((.*)\)$", re.MULTILINE)


def is_read_only(
    source: StorageSource, qemu_img: str, user: QemuUser | None, seconds: float
) -> bool | None:
    """Tell whether the server lets this host only read; no connection to the export is made.

    None when it does not list the export by that name, or not within the seconds, and where the
    program beside qemu-img is not installed. Source: qemu-nbd --list.
    """
    program = Path(qemu_img).with_name(_QEMU_NBD)
    command = [str(program), "--list", *_place(source.hosts[0])]
    try:
        ended = run_program(command, user, seconds)
    except (FileNotFoundError, TimeoutError):
        return None
    if ended.status != 0:
        return None
    return _listed(ended.output.decode(errors="replace"), source.name)


def _place(host: NetworkHost) -> list[str]:
    if host.transport == "unix":
        return [f"--socket={host.socket}"]
    return [f"--bind={plain_name(host)}", f"--port={port_of(host, 'nbd')}"]


def _listed(text: str, name: str) -> bool | None:
    _, found, rest = text.partition(f"\n export: '{name}'\n")
    flags = _FLAGS.search(rest.partition("\n export: ")[0]) if found else None
    return "readonly" in flags[1].split() if flags else None
