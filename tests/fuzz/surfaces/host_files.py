"""One file of a recorded host, of sysfs, /etc or libvirt, with another content."""

import atexit
import shutil
import tempfile
from pathlib import Path, PurePath

from tests.fuzz.seeds import HOSTS
from vmfit_agent.collection import CollectorRunner
from vmfit_agent.collectors import COLLECTORS
from vmfit_agent.host import Host
from vmfit_agent.recording.recorded_libvirt import RecordedLibvirt

_ORIGINAL = HOSTS / "epyc-four-nodes"
_ROOT = Path(tempfile.mkdtemp())
atexit.register(shutil.rmtree, _ROOT, ignore_errors=True)
shutil.copytree(_ORIGINAL, _ROOT, symlinks=True, dirs_exist_ok=True)
_LIBVIRT = ("domains", "hypervisor", "libvirt_objects")
_MOST_ALIKE = 3


def _readers(path):
    if path.parts[0] == "libvirt":
        return _LIBVIRT
    return tuple(
        name
        for name, collector in COLLECTORS.items()
        if any(path.match(pattern) for pattern in collector.files)
    )


def _distinct():
    """Yield files with the parts that read them; of CPUs and disks that are alike, a few."""
    seen = {}
    for each in sorted(_ORIGINAL.rglob("*")):
        path = PurePath(each.relative_to(_ORIGINAL))
        if not each.is_file() or each.is_symlink():
            continue
        kind = "".join("0" if c.isdigit() else c for c in str(path))
        seen[kind] = seen.get(kind, 0) + 1
        readers = _readers(path)
        if seen[kind] <= _MOST_ALIKE and readers:
            yield path, readers


FILES = list(_distinct())


def seeds():
    for number, (path, _) in enumerate(FILES):
        yield number.to_bytes(2) + (_ORIGINAL / path).read_bytes()


def read(data):
    path, readers = FILES[int.from_bytes(data[:2]) % len(FILES)]
    place = _ROOT / path
    before = place.read_bytes()
    place.write_bytes(data[2:])
    try:
        host = Host(_ROOT, RecordedLibvirt(_ROOT))
    except ValueError as error:
        assert str(_ROOT) in str(error)  # noqa: PT017
        return
    else:
        collectors = {name: COLLECTORS[name] for name in readers}
        for name, part in CollectorRunner(host, collectors).collect(collectors).items():
            assert "internal error" not in part.status.error, f"{path}: {name}"
    finally:
        place.write_bytes(before)
