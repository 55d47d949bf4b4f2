"""A small site as its people set it up: certificates by `vmfit certs`, services as processes."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.tls_material import TlsMaterial

PROGRAMS = Path(sys.executable).parent
HOSTS = Path(__file__).parents[1] / "hosts"
_LISTENS = re.compile(r"(?:serving|listening) on (\S+?)(?:,|;|$)", re.MULTILINE)


def environment():
    """The environment without settings of this machine's."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("VMFIT_")}
    return {**kept, "HOME": "/nonexistent"}


class Site:
    """Certificates, recorded hosts, and processes that end with the test."""

    def __init__(self, directory):
        self.directory = directory
        self.certificates = directory / "certs"
        self._processes = []
        self.vmfit("certs", "ca", self.certificates)
        for host in ("epyc-four-nodes", "skylake-memory-only-node"):
            target = directory / f"{host}.json"
            self.run("vmfit-agent", "snapshot", "--root", HOSTS / host, "--file", target)

    def run(self, program, *words, **keywords):
        return subprocess.run(
            [PROGRAMS / program, *words],
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
            env=environment(),
            cwd=self.directory,
            **keywords,
        )

    def vmfit(self, *words):
        return self.run("vmfit", *words)

    def issue(self, kind, *names, options=()):
        """Issue a certificate by the command, and return its files."""
        result = self.vmfit("certs", kind, "-d", self.certificates, "--force", *options, *names)
        assert result.returncode == 0, result.stderr
        path = Path(result.stdout.split(": ")[0])
        return TlsMaterial(path, path.with_suffix(".key"), self.certificates / "ca.pem")

    def serve(self, program, *words, settings=""):
        """Start a service; return the process, whose `address` is where it listens."""
        config = self.directory / f"{len(self._processes)}.toml"
        config.write_text(settings)
        process = subprocess.Popen(
            [PROGRAMS / program, "--config", config, "serve", *words],
            stderr=subprocess.PIPE,
            text=True,
            env=environment(),
            cwd=self.directory,
        )
        self._processes.append(process)
        process.lines = []
        while True:
            line = process.stderr.readline()
            assert line, "".join(process.lines)
            process.lines.append(line)
            found = _LISTENS.search(line)
            if found:
                process.address, process.config = found[1], config
                return process

    def agent(self, host, material, settings=""):
        """Start an agent that replays a recorded host over TLS."""
        words = ["--replay", f"{host}.json", "--listen", "127.0.0.1:0", *material.options]
        return self.serve("vmfit-agent", *words, settings=settings)

    def comparator(self, material, settings=""):
        """Start a comparator over TLS."""
        return self.serve("vmfit", "--listen", "127.0.0.1:0", settings=material.settings + settings)

    def close(self):
        for process in self._processes:
            process.terminate()
        for process in self._processes:
            process.communicate(timeout=20)


@pytest.fixture
def site(tmp_path):
    site = Site(tmp_path)
    yield site
    site.close()
