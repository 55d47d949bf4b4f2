"""Who answers a command's questions: an engine inside the command, or a running comparator."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, TypeVar

import click
import grpc

from vmfit.v1 import calibration_pb2 as outcomes
from vmfit.v1 import comparator_service_pb2 as messages
from vmfit.v1.comparator_service_pb2_grpc import ComparatorStub
from vmfit_comparator.commands.asking import Asking
from vmfit_comparator.commands.request_fields import on_the_command_line
from vmfit_comparator.commands.waiting import Waiting
from vmfit_comparator.engine_error import EngineError
from vmfit_comparator.settings import DEFAULT_STORE_DAYS, DEFAULT_STORE_PAST_BYTES, Settings
from vmfit_contract.address import COMPARATOR_PORT, Address, AddressError, parse_address
from vmfit_contract.command_line.exit_status import AskedWronglyError, NoAnswerError
from vmfit_contract.connector import Connector
from vmfit_contract.errors import code_of

# An engine brings every fact and CEL along: who asks a running comparator needs none of it.
if TYPE_CHECKING:
    from vmfit_comparator.engine import Engine
    from vmfit_comparator.hosts.inventory import Inventory
    from vmfit_comparator.hosts.watcher import Watcher
    from vmfit_comparator.outcomes.history import History
    from vmfit_comparator.past.past import Past
    from vmfit_comparator.policies.policy_file import PolicyFile

Request = TypeVar("Request")
Response = TypeVar("Response")


class Comparator(Protocol):
    """Answers requests. Every method raises click.ClickException for what cannot be answered."""

    def check(self, request: messages.CheckRequest) -> messages.CheckResponse:
        """Return whether a VM can move."""

    def rank(self, request: messages.RankRequest) -> messages.RankResponse:
        """Return whether a VM can move to each of several hosts."""

    def diff(self, request: messages.DiffRequest) -> messages.DiffResponse:
        """Return what differs between two hosts."""

    def baseline(self, request: messages.BaselineRequest) -> messages.BaselineResponse:
        """Return what all hosts can give to a guest."""

    def list_facts(self) -> messages.ListFactsResponse:
        """Return the catalogue."""

    def list_hosts(self) -> messages.ListHostsResponse:
        """Return the inventory."""

    def host_snapshot(
        self, request: messages.GetHostSnapshotRequest
    ) -> messages.GetHostSnapshotResponse:
        """Return a host's snapshot."""

    def host_history(
        self, request: messages.GetHostHistoryRequest
    ) -> messages.GetHostHistoryResponse:
        """Return what changed on a host."""

    def find_turn(self, request: messages.FindTurnRequest) -> messages.FindTurnResponse:
        """Return since when a VM can move, or cannot."""

    def list_leases(
        self, request: messages.ListHostLeasesRequest
    ) -> messages.ListHostLeasesResponse:
        """Return what a host has promised."""

    def reserve_memory(
        self, request: messages.ReserveMemoryRequest
    ) -> messages.ReserveMemoryResponse:
        """Have a destination promise a VM's memory."""

    def release_memory(
        self, request: messages.ReleaseMemoryRequest
    ) -> messages.ReleaseMemoryResponse:
        """End such a promise."""

    def report_outcome(
        self, request: outcomes.ReportOutcomeRequest
    ) -> outcomes.ReportOutcomeResponse:
        """Keep what became of a migration that was checked."""

    def calibration(
        self, request: outcomes.GetCalibrationRequest
    ) -> outcomes.GetCalibrationResponse:
        """Return how often the answers came true."""


@contextmanager
def comparator(
    settings: Settings, asking: Asking, store: str | None = None
) -> Iterator[Comparator]:
    """Return who answers: the comparator that `asking` names, or an engine of the command's own.

    Only the latter keeps checks and outcomes in `store`; a server does so in its own.
    """
    if asking.server:
        try:
            address = parse_address(asking.server, COMPARATOR_PORT)
            connector = asking.connector()
            channel = connector.connect(address)
        except AddressError as error:
            raise AskedWronglyError(f"--server: {error}") from None
        with channel, Waiting(f"comparator {address}"):
            yield _Remote(channel, address, connector, asking.timeout)
    else:
        with Waiting() as waiting, local_engine(settings, asking, store, waiting) as engine:
            yield _Local(engine, asking.timeout)


@contextmanager
def local_engine(
    settings: Settings,
    asking: Asking,
    store: str | None = None,
    watcher: "Watcher | None" = None,
    *,
    records: bool = False,
) -> "Iterator[Engine]":
    """Return an engine that knows the settings' hosts and policies.

    With `records` what agents say is kept in the store, unless the settings say otherwise.
    """
    from vmfit_comparator.engine import Engine  # noqa: PLC0415
    from vmfit_comparator.hosts.agents import MAX_ANSWER_BYTES  # noqa: PLC0415
    from vmfit_comparator.policies.policy_error import PolicyError  # noqa: PLC0415

    inventory, policies = known_to(settings)
    history, past = _kept(settings, store, records=records)
    try:
        engine = Engine(
            inventory,
            policies,
            insecure=asking.insecure,
            tls=asking.tls,
            agent_timeout_seconds=asking.timeout,
            any_address=settings.values.get("any_address", False),
            agent_answer_bytes=settings.values.get("agent_answer_bytes", MAX_ANSWER_BYTES),
            history=history,
            past=past,
            watcher=watcher,
        )
    except PolicyError as error:
        raise AskedWronglyError(str(error)) from None
    with engine:
        yield engine


def known_to(settings: Settings) -> "tuple[Inventory, Sequence[PolicyFile]]":
    """Return the hosts and policies that the settings name; raises click.ClickException."""
    from vmfit_comparator.hosts.inventory import (  # noqa: PLC0415
        Inventory,
        InventoryError,
        read_inventory,
    )
    from vmfit_comparator.policies.policy_error import PolicyError  # noqa: PLC0415
    from vmfit_comparator.policies.policy_file import read_policy_file  # noqa: PLC0415

    try:
        inventory = read_inventory(settings.path) if settings.path else Inventory()
        policies = [read_policy_file(Path(each)) for each in settings.values.get("policies", ())]
    except (InventoryError, PolicyError) as error:
        raise AskedWronglyError(str(error)) from None
    return inventory, policies


def _kept(
    settings: Settings, url: str | None, *, records: bool
) -> "tuple[History | None, Past | None]":
    if not url:
        return None, None
    from vmfit_comparator.outcomes.history import History  # noqa: PLC0415
    from vmfit_comparator.past.past import Past  # noqa: PLC0415
    from vmfit_comparator.past.recorder import Kept, Recorder  # noqa: PLC0415
    from vmfit_comparator.store.past_store import PastStore  # noqa: PLC0415
    from vmfit_comparator.store.records import StoreError  # noqa: PLC0415
    from vmfit_comparator.store.store import DEFAULT_KEPT_CHECKS, Store  # noqa: PLC0415

    values = settings.values
    try:
        store = Store(url, values.get("store_checks", DEFAULT_KEPT_CHECKS))
    except StoreError as error:
        raise AskedWronglyError(str(error)) from None
    past = PastStore(store)
    recorder = None
    if records and values.get("store_past", True):
        days = values.get("store_days", DEFAULT_STORE_DAYS)
        most = values.get("store_past_bytes", DEFAULT_STORE_PAST_BYTES)
        recorder = Recorder(past, Kept(days * 86_400.0, most))
    return History(store), Past(past, recorder)


# What was asked for is at fault, not who was asked.
_ASKED_WRONGLY = frozenset(
    (
        grpc.StatusCode.INVALID_ARGUMENT,
        grpc.StatusCode.NOT_FOUND,
        grpc.StatusCode.FAILED_PRECONDITION,
        grpc.StatusCode.OUT_OF_RANGE,
        grpc.StatusCode.UNIMPLEMENTED,
    )
)


def _failure(code: grpc.StatusCode | None) -> type[click.ClickException]:
    return AskedWronglyError if code in _ASKED_WRONGLY else NoAnswerError


class _Local:
    def __init__(self, engine: "Engine", timeout: float) -> None:
        self._engine = engine
        self._timeout = timeout

    def check(self, request: messages.CheckRequest) -> messages.CheckResponse:
        return self._ask(self._engine.check, request)

    def rank(self, request: messages.RankRequest) -> messages.RankResponse:
        return self._ask(self._engine.rank, request)

    def diff(self, request: messages.DiffRequest) -> messages.DiffResponse:
        return self._ask(self._engine.diff, request)

    def baseline(self, request: messages.BaselineRequest) -> messages.BaselineResponse:
        return self._ask(self._engine.baseline, request)

    def list_facts(self) -> messages.ListFactsResponse:
        return self._engine.list_facts()

    def list_hosts(self) -> messages.ListHostsResponse:
        return self._engine.list_hosts(self._timeout)

    def host_snapshot(
        self, request: messages.GetHostSnapshotRequest
    ) -> messages.GetHostSnapshotResponse:
        return self._ask(self._engine.host_snapshot, request)

    def host_history(
        self, request: messages.GetHostHistoryRequest
    ) -> messages.GetHostHistoryResponse:
        return self._ask(self._engine.host_history, request)

    def find_turn(self, request: messages.FindTurnRequest) -> messages.FindTurnResponse:
        return self._ask(self._engine.find_turn, request)

    def list_leases(
        self, request: messages.ListHostLeasesRequest
    ) -> messages.ListHostLeasesResponse:
        return self._ask(self._engine.list_leases, request)

    def reserve_memory(
        self, request: messages.ReserveMemoryRequest
    ) -> messages.ReserveMemoryResponse:
        return self._ask(self._engine.reserve_memory, request)

    def release_memory(
        self, request: messages.ReleaseMemoryRequest
    ) -> messages.ReleaseMemoryResponse:
        return self._ask(self._engine.release_memory, request)

    def report_outcome(
        self, request: outcomes.ReportOutcomeRequest
    ) -> outcomes.ReportOutcomeResponse:
        return self._ask(lambda asked, _: self._engine.report_outcome(asked), request)

    def calibration(
        self, request: outcomes.GetCalibrationRequest
    ) -> outcomes.GetCalibrationResponse:
        return self._ask(lambda asked, _: self._engine.calibration(asked), request)

    def _ask(
        self, answer: Callable[[Request, float | None], Response], request: Request
    ) -> Response:
        try:
            return answer(request, self._timeout)
        except EngineError as error:
            raise _failure(error.code)(on_the_command_line(str(error))) from None


class _Remote:
    def __init__(
        self, channel: grpc.Channel, server: Address, connector: Connector, timeout: float
    ) -> None:
        self._stub = ComparatorStub(channel)
        self._server = server
        self._connector = connector
        self._timeout = timeout

    def check(self, request: messages.CheckRequest) -> messages.CheckResponse:
        return self._ask(self._stub.Check, request)

    def rank(self, request: messages.RankRequest) -> messages.RankResponse:
        return self._ask(self._stub.Rank, request)

    def diff(self, request: messages.DiffRequest) -> messages.DiffResponse:
        return self._ask(self._stub.Diff, request)

    def baseline(self, request: messages.BaselineRequest) -> messages.BaselineResponse:
        return self._ask(self._stub.Baseline, request)

    def list_facts(self) -> messages.ListFactsResponse:
        return self._ask(self._stub.ListFacts, messages.ListFactsRequest())

    def list_hosts(self) -> messages.ListHostsResponse:
        return self._ask(self._stub.ListHosts, messages.ListHostsRequest())

    def host_snapshot(
        self, request: messages.GetHostSnapshotRequest
    ) -> messages.GetHostSnapshotResponse:
        return self._ask(self._stub.GetHostSnapshot, request)

    def host_history(
        self, request: messages.GetHostHistoryRequest
    ) -> messages.GetHostHistoryResponse:
        return self._ask(self._stub.GetHostHistory, request)

    def find_turn(self, request: messages.FindTurnRequest) -> messages.FindTurnResponse:
        return self._ask(self._stub.FindTurn, request)

    def list_leases(
        self, request: messages.ListHostLeasesRequest
    ) -> messages.ListHostLeasesResponse:
        return self._ask(self._stub.ListHostLeases, request)

    def reserve_memory(
        self, request: messages.ReserveMemoryRequest
    ) -> messages.ReserveMemoryResponse:
        return self._ask(self._stub.ReserveMemory, request)

    def release_memory(
        self, request: messages.ReleaseMemoryRequest
    ) -> messages.ReleaseMemoryResponse:
        return self._ask(self._stub.ReleaseMemory, request)

    def report_outcome(
        self, request: outcomes.ReportOutcomeRequest
    ) -> outcomes.ReportOutcomeResponse:
        return self._ask(self._stub.ReportOutcome, request)

    def calibration(
        self, request: outcomes.GetCalibrationRequest
    ) -> outcomes.GetCalibrationResponse:
        return self._ask(self._stub.GetCalibration, request)

    def _ask(
        self, call: "grpc.UnaryUnaryMultiCallable[Request, Response]", request: Request
    ) -> Response:
        try:
            return call(request, timeout=self._timeout)
        except grpc.RpcError as error:
            reason = self._connector.explain(error, self._server)
            told = on_the_command_line(reason)
            # What was asked for is at fault, or the comparator.
            whose = "" if told != reason else f"comparator {self._server}: "
            raise _failure(code_of(error))(f"{whose}{told}") from None
