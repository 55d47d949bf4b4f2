"""Which machine an agent answers for: the one that was expected, and the same every time."""

from collections.abc import Callable, Sequence

import grpc

from vmfit.v1.snapshot_pb2 import Snapshot
from vmfit_comparator.hosts.agent_error import AgentError
from vmfit_comparator.hosts.certified_names import names_the_host, other_name
from vmfit_comparator.hosts.host_answer import Machine, WrongHostError
from vmfit_comparator.hosts.snapshot_parts import is_unchanged

Certified = Callable[[str, float], Sequence[str]]
"""Returns names that the agent's certificate has, in so many seconds: with the first argument as
the host's name in question, those that decide. Empty when there is no certificate."""


def not_certified(_: str, __: float) -> Sequence[str]:
    """Return no name: there is no certificate."""
    return ()


class MachineCheck:
    """What is known of the machine behind one address."""

    def __init__(
        self, expect_hostname: str | None = None, certified: Certified = not_certified
    ) -> None:
        self._expect_hostname = expect_hostname
        self._certified = certified
        self._certified_hostname: str | None = None
        self._machine: Machine | None = None

    def look_again(self, certified: Certified) -> None:
        """Compare the host's name with another certificate from now on."""
        self._certified, self._certified_hostname = certified, None

    def check(self, snapshot: Snapshot, known: Snapshot | None, seconds: float) -> None:
        """Raise WrongHostError for another machine, AgentError for one that tells nothing.

        `known` has what the snapshot leaves out as unchanged. To look at a certificate may take so
        many seconds.
        """
        machine = Machine.of(snapshot)
        if machine is None and known is not None and is_unchanged(snapshot, "identity"):
            machine = Machine.of(known)
        if machine is None:
            self._check_absent(snapshot)
            return
        if self._expect_hostname is not None and machine.hostname != self._expect_hostname:
            raise WrongHostError(f"answers as {machine}, expected {self._expect_hostname}")
        if self._machine is not None and machine.is_other_than(self._machine):
            raise WrongHostError(f"answers as {machine}, earlier as {self._machine}")
        if self._expect_hostname is None and machine.hostname != self._certified_hostname:
            names = self._certified(machine.hostname, seconds)
            if names and not names_the_host(names, machine.hostname):
                raise WrongHostError(other_name(machine.hostname, names))
            self._certified_hostname = machine.hostname
        self._machine = machine

    def _check_absent(self, snapshot: Snapshot) -> None:
        if snapshot.HasField("recorded_at") and self._expect_hostname is None:
            return
        why = next((each.error for each in snapshot.parts if each.name == "identity"), "")
        reason = f"does not say which machine it is{f': {why}' if why else ''}"
        raise AgentError(grpc.StatusCode.FAILED_PRECONDITION, reason)
