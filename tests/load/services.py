"""Agents and a comparator as processes, over mutual TLS, with the limits of their units."""

import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import grpc

from tests.tls_material import TestAuthority
from vmfit.v1.comparator_service_pb2 import CheckRequest
from vmfit_agent.local_host import HostOptions, local_source
from vmfit_contract.snapshot_file import write_snapshot

HOSTS = Path(__file__).parents[1] / "hosts"
RECORDED = ("epyc-four-nodes", "skylake-memory-only-node")
PROGRAMS = {
    "vmfit-agent": "from vmfit_agent.cli import main; main()",
    "vmfit": "from vmfit_comparator.cli import main; main()",
    # A store that failed is tried again in a second, not in half a minute.
    "vmfit-eager": "from vmfit_comparator.outcomes import history; history._PAUSE_SECONDS = 1.0; "
    "from vmfit_comparator.cli import main; main()",
    "faulty-agent": "from tests.load import faulty_agent; faulty_agent.run()",
}
UNITS_DESCRIPTORS = 4096
"""LimitNOFILE= of the units."""
START_SECONDS = 60.0
_LISTENS = re.compile(r"(?:serving|listening) on (\S+?)(?:,|;|$)", re.MULTILINE)
_ANSWERS = re.compile(
    r"(?:collecting for|promising memory for|about the network on) (\S+)", re.MULTILINE
)


class Service:
    """A process, its log, and where it listens."""

    def __init__(
        self, log, program, *words, descriptors=UNITS_DESCRIPTORS, address_space=None, preload=None
    ):
        self.log_file = log
        # Not by a function before exec: gRPC's threads of this process would be in its way.
        limited = ["prlimit", f"--nofile={descriptors}:{descriptors}"]
        if address_space is not None:
            limited.append(f"--as={address_space}")
        if preload is not None:
            limited += ["env", f"LD_PRELOAD={preload}"]
        python = (sys.executable, "-X", "faulthandler", "-c", PROGRAMS[program])
        self._command = [*limited, *python, *words]

    def start(self):
        """Start it, again if it ended, and wait until it listens."""
        with self.log_file.open("wb") as log:
            self.process = subprocess.Popen(
                [str(word) for word in self._command],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            )  # fmt: skip
        self.address = self._listens()
        return self

    def _listens(self):
        deadline = time.monotonic() + START_SECONDS
        while True:
            found = _LISTENS.search(self.log) or _ANSWERS.search(self.log)
            if found:
                return found[1]
            assert self.process.poll() is None, self.log
            assert time.monotonic() < deadline, self.log
            time.sleep(0.01)

    @property
    def log(self):
        return self.log_file.read_text(errors="replace")

    @property
    def resident_mib(self):
        return self._status("VmRSS") / 1024

    @property
    def threads(self):
        return self._status("Threads")

    def _status(self, key):
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(rf"{key}:\s+(\d+)", status)[1])

    def end(self, number=signal.SIGTERM):
        """End it, and return its status."""
        self.process.send_signal(number)
        try:
            return self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.send_signal(signal.SIGABRT)  # Where its threads are is in its log.
            self.process.wait()
            raise AssertionError(self.log) from None


class Services:
    """Everything of one site: an authority, agents of two recorded hosts, a comparator."""

    def __init__(self, directory):
        self.directory = directory
        self.authority = TestAuthority(directory / "certs")
        self._own = self.authority.agent()
        self.client_files = self.authority.client()
        self._services = []

    def service(self, program, *words, **options):
        log = self.directory / f"{len(self._services)}.log"
        self._services.append(Service(log, program, *words, **options))
        return self._services[-1]

    def replaying(self, host, **options):
        """An agent that replays a recorded host."""
        file = self.directory / f"{host}.bin"
        options_of_host = HostOptions(HOSTS / host, (), Path("/etc/vmfit/attributes.d"))
        write_snapshot(local_source(options_of_host.open()).snapshot((), 0.0, {}), file, "binary")
        return self.serving("--replay", file, **options).start()

    def serving(self, *words, listen="127.0.0.1:0", **options):
        """A serving process of an agent."""
        words = ("serve", "--listen", listen, *self._own.options, *words)
        return self.service("vmfit-agent", *words, **options)

    def collecting(self, *words, **options):
        """A collecting process of this very host, without libvirt."""
        socket = self.directory / "collect.sock"
        words = ("collect", "--socket", socket, *(words or ("--libvirt-uri", "none")))
        return self.service("vmfit-agent", *words, **options)

    def probing(self, socket, **options):
        """A process of this host that answers questions about the network."""
        words = ("probe", "--socket", socket, "--probes-per-minute", "1000000")
        return self.service("vmfit-agent", *words, **options)

    def comparing(
        self, hosts, settings="", listen="127.0.0.1:0", program="vmfit", tls=True, **options
    ):
        """A comparator that has these agents in its inventory."""
        config = self.directory / "comparator.toml"
        rows = [f'[hosts.{name}]\naddress = "{each}"\n' for name, each in hosts.items()]
        own = self.authority.comparator().settings if tls else "insecure = true\n"
        config.write_text(own + settings + "".join(rows))
        words = ("--config", config, "serve", "--listen", listen)
        return self.service(program, *words, **options)

    def dial(self, address, files=None):
        """A connection of its own, without retries: what is lost is seen."""
        files = files or self.client_files
        credentials = grpc.ssl_channel_credentials(
            files.authority.read_bytes(), files.key.read_bytes(), files.certificate.read_bytes()
        )
        options = [
            ("grpc.use_local_subchannel_pool", 1),
            ("grpc.enable_retries", 0),
            ("grpc.max_reconnect_backoff_ms", 100),
            ("grpc.initial_reconnect_backoff_ms", 100),
        ]
        if address.startswith("unix:"):
            return grpc.insecure_channel(address, options)
        return grpc.secure_channel(address, credentials, options)

    def close(self):
        for service in self._services:
            if service.process.poll() is None:
                service.process.kill()
            service.process.wait()


def check(vm="web", **fields):
    """Ask about a VM of the first recorded host."""
    request = CheckRequest(**fields)
    request.source.name, request.destination.name = "source", "destination"
    request.vm.name_or_uuid = vm
    return request
