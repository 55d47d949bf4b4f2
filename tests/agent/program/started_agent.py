"""The agent's processes as they run on a host: collecting, serving, and asking the network."""

import os
import subprocess
import sys
import time
from contextlib import contextmanager

import grpc

from vmfit.v1.host_metadata_service_pb2_grpc import HostMetadataStub

AGENT = (sys.executable, "-c", "from vmfit_agent.cli import main; main()")


class StartedAgent:
    """Three processes that speak over unix sockets in a directory."""

    def __init__(self, directory, within=(), options=()):
        """`within` is the command that runs each of them, `options` are about probes."""
        self.prober = f"unix:{directory}/probe.sock"
        self.address = f"unix:{directory}/agent.sock"
        collect = f"{directory}/collect.sock"
        commands = {
            "probe": ("--socket", f"{directory}/probe.sock", *options),
            "collect": (
                "--socket", collect, "--libvirt-uri", "none", "--prober", self.prober, *options
            ),
            "serve": ("--source", f"unix:{collect}", "--listen", self.address),
        }  # fmt: skip
        self.logs = {name: directory / f"{name}.log" for name in commands}
        self.processes = {}
        for name, arguments in commands.items():
            with self.logs[name].open("wb") as log:
                self.processes[name] = subprocess.Popen(
                    [*within, *AGENT, name, *arguments],
                    stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                )  # fmt: skip
            socket = arguments[arguments.index("--listen" if name == "serve" else "--socket") + 1]
            self._wait_for(name, socket.removeprefix("unix:"))

    def _wait_for(self, name, socket):
        deadline = time.monotonic() + 30
        while not os.path.exists(socket):  # noqa: PTH110
            assert self.processes[name].poll() is None, self.log(name)
            assert time.monotonic() < deadline, self.log(name)
            time.sleep(0.05)

    def log(self, name):
        return self.logs[name].read_text(errors="replace")

    @contextmanager
    def dial(self):
        """Give a stub on a connection of its own."""
        options = [("grpc.use_local_subchannel_pool", 1)]
        with grpc.insecure_channel(self.address, options) as channel:
            grpc.channel_ready_future(channel).result(20)
            yield HostMetadataStub(channel)

    def end(self):
        """End all of them; return their logs' lines that tell of mistakes."""
        for process in self.processes.values():
            process.terminate()
        for process in self.processes.values():
            try:
                process.wait(15)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        lines = [line for name in self.logs for line in self.log(name).splitlines()]
        return [line for line in lines if "Traceback" in line or "internal error" in line]
