"""What a one-shot snapshot must not load: modules that cost more than most collectors."""

import subprocess
import sys

DEAR = (
    "concurrent.futures", "defusedxml", "email", "grpc", "http", "psutil", "secrets", "ssl",
    "urllib.request", "vmfit_agent.domain_xml", "xml.sax",
)  # fmt: skip
PROGRAM = """
import sys
from vmfit_agent.cli import run
status = run(["snapshot", "--libvirt-uri", "none", "--file", sys.argv[1]])
print(*sorted(sys.modules))
sys.exit(status)
"""


def test_dear_modules_are_not_loaded(tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, tmp_path / "snapshot.json"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert (tmp_path / "snapshot.json").stat().st_size > 1000
    assert [name for name in DEAR if name in done.stdout.split()] == []


def test_no_command_is_run(tmp_path):
    program = "import sys\nsys.addaudithook(lambda name, _: name in FORKS and sys.exit(name))\n"
    program = f"FORKS = {{'subprocess.Popen', 'os.fork', 'os.exec', 'os.posix_spawn'}}\n{program}"
    subprocess.run(
        [sys.executable, "-c", program + PROGRAM, tmp_path / "snapshot.json"],
        capture_output=True,
        check=True,
    )
