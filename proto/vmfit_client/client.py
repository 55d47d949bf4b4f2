"""The client for programs with threads."""

from collections.abc import Sequence
from copy import copy
from datetime import datetime
from types import TracebackType
from typing import Self, TypeVar

import grpc
import tenacity

from vmfit.v1 import comparator_service_pb2 as messages
from vmfit.v1.calibration_pb2 import (
    MigrationOutcome,
    ReportOutcomeRequest,
    ReportOutcomeResponse,
)
from vmfit.v1.comparator_service_pb2_grpc import ComparatorStub
from vmfit.v1.finding_pb2 import FactDescription
from vmfit.v1.migration_pb2 import MigrationOptions
from vmfit.v1.policy_pb2 import Policy
from vmfit.v1.snapshot_pb2 import Snapshot
from vmfit_client import requests
from vmfit_client.connection import DEFAULT_TIMEOUT_SECONDS, connection
from vmfit_client.failure import failure_of
from vmfit_client.references import Host, Vm
from vmfit_client.retries import Deadline, retrying
from vmfit_contract.tls_files import TlsFiles

Request = TypeVar("Request")
Response = TypeVar("Response")


class Client:
    """Asks one comparator. Safe to use from several threads; close it, or use it in `with`.

    Every method raises VmfitError, within `timeout` seconds.
    """

    def __init__(
        self,
        server: str,
        *,
        tls: TlsFiles | None = None,
        insecure: bool = False,
        timeout: float = DEFAULT_TIMEOUT_SECONDS,
    ) -> None:
        """Connect when the first question is asked.

        `server` is "host", "host:port" or "unix:PATH". `tls` are PEM files; without them libvirt's
        are taken: ~/.pki/libvirt for users who have one, else /etc/pki. `insecure` means plain
        text over the network. Raises VmfitError for an address or files that cannot be used.
        """
        self._timeout = timeout
        self._server, connector = connection(server, tls, insecure=insecure)
        self._channel = connector.connect(self._server)
        self._stub = ComparatorStub(self._channel)

    def __enter__(self) -> Self:
        """Return the client."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close it."""
        self.close()

    def within(self, timeout: float) -> Self:
        """Return this client, over the same connection, with another limit of time per call."""
        other = copy(self)
        other._timeout = timeout  # noqa: SLF001 -- a copy of its own
        return other

    def close(self) -> None:
        """End the connection, and with it calls that are under way."""
        self._channel.close()

    def check(
        self,
        vm: Vm,
        *,
        source: Host,
        destination: Host,
        policy: str | Policy | None = None,
        options: MigrationOptions | None = None,
        facts: Sequence[str] = (),
        at: datetime | None = None,
        probes: bool = True,
    ) -> messages.CheckResponse:
        """Return whether a VM can move: verdict, findings, and what was compared.

        `facts` are ids or "area.*"; none asks for all. `at` is the time as of which to answer, with
        its time zone. With `probes` the agents may be asked what no snapshot can hold.
        """
        request = requests.check(
            vm,
            source=source,
            destination=destination,
            policy=policy,
            options=options,
            facts=facts,
            at=at,
            probes=probes,
        )
        return self._ask(self._stub.Check, request)

    def rank(
        self,
        vm: Vm,
        *,
        source: Host,
        destinations: Sequence[Host] = (),
        destination_names: Sequence[str] = (),
        policy: str | Policy | None = None,
        options: MigrationOptions | None = None,
        facts: Sequence[str] = (),
        probes: bool = True,
        verdicts_only: bool = False,
    ) -> messages.RankResponse:
        """Return whether a VM can move to each of several hosts, the best first.

        `destination_names` are patterns of names in the inventory, with * and ?; without these and
        without `destinations` all its hosts are compared. `verdicts_only` leaves findings out.
        """
        request = requests.rank(
            vm,
            source=source,
            destinations=destinations,
            destination_names=destination_names,
            policy=policy,
            options=options,
            facts=facts,
            probes=probes,
            verdicts_only=verdicts_only,
        )
        return self._ask(self._stub.Rank, request)

    def diff(
        self,
        left: Host,
        right: Host,
        *,
        parts: Sequence[str] = (),
        include_volatile: bool = False,
    ) -> messages.DiffResponse:
        """Return what differs between two hosts, in the order of the contract's fields."""
        request = requests.diff(left, right, parts, include_volatile=include_volatile)
        return self._ask(self._stub.Diff, request)

    def baseline(
        self, hosts: Sequence[Host], *, domain_type: str = ""
    ) -> messages.BaselineResponse:
        """Return what all hosts can give to a guest; "kvm" or "qemu", else what all have."""
        return self._ask(self._stub.Baseline, requests.baseline(hosts, domain_type))

    def facts(self) -> Sequence[FactDescription]:
        """Return the catalogue, ordered by area."""
        return self._ask(self._stub.ListFacts, messages.ListFactsRequest()).facts

    def hosts(self) -> Sequence[messages.InventoryHost]:
        """Return the comparator's inventory, and which agents answer."""
        return self._ask(self._stub.ListHosts, messages.ListHostsRequest()).hosts

    def snapshot(
        self, host: Host, *, parts: Sequence[str] = (), at: datetime | None = None
    ) -> Snapshot:
        """Return what a host says of itself; no `parts` asks for all."""
        request = requests.snapshot(host, parts, at)
        return self._ask(self._stub.GetHostSnapshot, request).snapshot

    def report_outcome(
        self,
        check_id: str,
        outcome: MigrationOutcome.ValueType,
        *,
        text: str = "",
        causes: Sequence[str] = (),
    ) -> ReportOutcomeResponse:
        """Tell what became of a migration that was checked: `subject.check_id` of the answer.

        `text` is what libvirt said, `causes` the ids of the facts that were at fault.
        """
        request = ReportOutcomeRequest(check_id=check_id, outcome=outcome, text=text, causes=causes)
        return self._ask(self._stub.ReportOutcome, request)

    def _ask(
        self, call: "grpc.UnaryUnaryMultiCallable[Request, Response]", request: Request
    ) -> Response:
        deadline = Deadline(self._timeout)

        def once() -> Response:
            try:
                return call(request, timeout=deadline.left())
            except grpc.RpcError as error:
                raise failure_of(error, self._server) from None

        return tenacity.Retrying(**retrying(deadline))(once)
