"""Two hosts and a comparator: fresh Debian machines, each booted by systemd."""

import contextlib
import json
import os
import subprocess
import time
from pathlib import Path
from typing import Self

from tests.booted.container import Container
from tests.install import debian, wire
from tests.install.steps import Step, section_steps

WHERE = {"every host": wire.HOSTS, "the comparator": ("vmfit",)}
_AGENT = ("vmfit-collect", "vmfit-agent")
SERVICES = {"alpha": _AGENT, "beta": _AGENT, "vmfit": ("vmfit-comparator",)}
_ADDRESSES = ("alpha.example:16530", "beta.example:16530", "vmfit.example:16531")
_SHOWN = """
import ssl, sys
for each in sys.argv[1:]:
    print(ssl.get_server_certificate(each.split(":")).replace("\\n", ""))
"""
_STORE = """
import sqlite3, sys
store = sqlite3.connect("file:/var/lib/vmfit/comparator.db?mode=ro", uri=True)
print(*(row[0] for row in store.execute(sys.argv[1])))
"""


class FreshMachine(Container):
    """A fresh Debian with a name and an address."""

    def __init__(self, directory: Path, name: str, key: Path) -> None:
        super().__init__(directory, f"{name}-{os.getpid()}")
        self.lower = debian.base()
        self.name, self._key = name, key

    def options(self) -> list[str]:
        """Use the network namespace that outlives a reboot."""
        return [f"--network-namespace-path=/run/netns/{wire.namespace(self.name)}"]

    def install(self) -> None:
        """Give it a name, the others' names and root's key, as an installer would."""
        etc = self.root / "etc"
        (etc / "hostname").write_text(f"{self.name}\n")
        (etc / "machine-id").write_text("")
        lines = ["127.0.0.1 localhost", "::1 localhost"]
        lines += [f"{address} {name}.example {name}" for name, address in wire.ADDRESSES.items()]
        (etc / "hosts").write_text("\n".join(lines) + "\n")
        ssh = self.root / "root/.ssh"
        ssh.mkdir(mode=0o700, exist_ok=True)
        (ssh / "id_ed25519").write_bytes(self._key.read_bytes())
        (ssh / "id_ed25519").chmod(0o600)
        (ssh / "authorized_keys").write_bytes(self._key.with_suffix(".pub").read_bytes())
        (ssh / "config").write_text("StrictHostKeyChecking accept-new\nLogLevel ERROR\n")


class Site:
    """The three machines, and how far the document has been followed."""

    def __init__(self, directory: Path, followed: list[Step]) -> None:
        self._directory = directory
        self._stack = contextlib.ExitStack()
        self.machines: dict[str, FreshMachine] = {}
        self.followed = followed

    def __enter__(self) -> Self:
        with contextlib.ExitStack() as stack:
            key = self._directory / "key"
            command = ("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key))
            subprocess.run(command, check=True, capture_output=True)
            wire.connect(stack)
            for name in wire.ADDRESSES:
                place = self._directory / name
                place.mkdir()
                machine = FreshMachine(place, name, key)
                self.machines[name] = stack.enter_context(machine)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def follow(self, section: str) -> None:
        """Run what a section of the document says, where it says so."""
        for step in section_steps(section):
            for name in WHERE[step.where]:
                self.machines[name].run("bash", "-euc", f"cd; {step.commands}", seconds=180)
            self.followed.append(step)

    def copy(self, file: Path, *names: str) -> None:
        """Have root of some machines find this package, and no other one, at home."""
        for name in names:
            home = self.machines[name].root / "root"
            for old in home.glob("*.deb"):
                old.unlink()
            (home / file.name).write_bytes(file.read_bytes())

    def pids(self) -> dict[tuple[str, str], str]:
        """Return the process of each service, by machine and service."""
        return {
            (name, service): self.machines[name].show(service, "MainPID")["MainPID"]
            for name, services in SERVICES.items()
            for service in services
        }

    def check(self) -> dict[str, str]:
        """Return the answers to whether web can go from alpha to beta, by fact.

        Asked of the comparator's service, until it answers.
        """
        command = ("vmfit", "check", "web", "--from", "alpha", "--to", "beta", "-o", "json")
        give_up_at = time.monotonic() + 60
        while True:
            done = self.machines["vmfit"].try_run(*command, "--", "--live")
            if done.returncode in (0, 1) or time.monotonic() > give_up_at:
                break
            time.sleep(0.5)
        assert done.returncode in (0, 1), done.stderr
        return {each["fact"]: each["answer"] for each in json.loads(done.stdout)["findings"]}

    def shown_certificates(self) -> list[str]:
        """Return the certificates that the services show whoever connects."""
        return self.machines["vmfit"].run("python3", "-c", _SHOWN, *_ADDRESSES).split("\n")[:-1]

    def checks_kept(self) -> int:
        """Return how many checks are in the comparator's store."""
        return int(self._in_store("select count(*) from vmfit_checks"))

    def tables(self) -> set[str]:
        """Return the names of the store's tables."""
        return set(self._in_store("select name from sqlite_master where type = 'table'").split())

    def _in_store(self, query: str) -> str:
        return self.machines["vmfit"].run("python3", "-c", _STORE, query)
