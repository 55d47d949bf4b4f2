"""What the comparator says of all hosts that are left for one live migration."""

import threading
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import nova.conf
from oslo_config import cfg
from oslo_log import log

from vmfit.v1.comparator_service_pb2 import CheckResponse
from vmfit.v1.migration_pb2 import MigrationOptions, StorageCopy
from vmfit_client import Client, TlsFiles, VmfitError
from vmfit_nova.live_migration import LiveMigration
from vmfit_nova.options import registered

LOG = log.getLogger(__name__)
CONF = nova.conf.CONF
_LOGGED_HOSTS = 20


@dataclass(frozen=True)
class Answer:
    """What was said of one host."""

    acceptable: bool
    score: float
    """0 (cannot) to 1 (nothing to say against it)."""
    summary: str
    """One line for people."""


def answers(migration: LiveMigration, hosts: Iterable[str]) -> Mapping[str, Answer]:
    """Return what is said of hosts, by name; those that there is no answer about are not in it.

    Takes no longer than the deadline, and raises nothing: a scheduler without vmfit still
    schedules.
    """
    settings = registered(CONF)
    until = time.monotonic() + settings.deadline_milliseconds / 1000
    found: dict[str, Answer] = {}
    try:
        for options in _ways(settings.block_migration):
            left = [each for each in hosts if each not in found or not found[each].acceptable]
            seconds = until - time.monotonic()
            if left and seconds > 0:
                found |= _asked(migration, left, options, seconds)
    except VmfitError as error:
        LOG.warning(
            "vmfit has no answer about all hosts for instance %s on %s (request %s): %s",
            migration.instance_uuid, migration.source_host, migration.request_id, error,
        )  # fmt: skip
    return found


def _ways(block_migration: str) -> Iterable[MigrationOptions]:
    """Return how nova would migrate, what it prefers first."""
    libvirt = CONF.libvirt
    plain = MigrationOptions(
        live=True,
        peer_to_peer=True,
        undefine_source=True,
        persistent=True,
        tls=libvirt.live_migration_with_native_tls,
        post_copy=libvirt.live_migration_permit_post_copy,
        auto_converge=libvirt.live_migration_permit_auto_converge,
    )
    copying = MigrationOptions()
    copying.CopyFrom(plain)
    copying.storage_copy = StorageCopy.STORAGE_COPY_INCREMENTAL
    return {"auto": [plain, copying], "always": [copying], "never": [plain]}[block_migration]


def _asked(
    migration: LiveMigration, hosts: list[str], options: MigrationOptions, seconds: float
) -> Mapping[str, Answer]:
    ranking = (
        _client()
        .within(seconds)
        .rank(
            migration.instance_uuid,
            source=migration.source_host,
            destination_names=hosts,
            options=options,
            policy=registered(CONF).policy or None,
            verdicts_only=True,
        )
    )
    named = set(hosts)
    return {
        check.subject.destination_host: _answer(check)
        for check in ranking.checks
        if check.subject.destination_host in named and _decides(check)
    }


def _decides(check: CheckResponse) -> bool:
    """Return whether the host was compared: of one whose agent is silent, nothing is known."""
    return check.verdict.acceptable or bool(check.verdict.blockers)


def _answer(check: CheckResponse) -> Answer:
    verdict = check.verdict
    return Answer(verdict.acceptable, verdict.score, verdict.summary)


def log_refused(migration: LiveMigration, refused: Mapping[str, str]) -> None:
    """Log why hosts were left out, by name; users of nova only see "No valid host"."""
    for host, reason in list(refused.items())[:_LOGGED_HOSTS]:
        LOG.info(
            "vmfit: instance %s cannot move from %s to %s (request %s): %s",
            migration.instance_uuid, migration.source_host, host, migration.request_id, reason,
        )  # fmt: skip
    if len(refused) > _LOGGED_HOSTS:
        LOG.info(
            "vmfit: instance %s cannot move to %d more hosts (request %s)",
            migration.instance_uuid, len(refused) - _LOGGED_HOSTS, migration.request_id,
        )  # fmt: skip


_clients: dict[str, Client] = {}
_making = threading.Lock()


def _client() -> Client:
    """Return this process's client: a worker of the scheduler makes its own when it first asks."""
    settings = registered(CONF)
    with _making:
        if settings.server not in _clients:
            _clients[settings.server] = Client(
                settings.server, tls=_tls(settings), insecure=settings.insecure
            )
        return _clients[settings.server]


def _tls(settings: cfg.ConfigOpts.GroupAttr) -> TlsFiles | None:
    files = (settings.certificate, settings.private_key, settings.authority)
    if not any(files):
        return None
    if not all(files):
        raise VmfitError("[vmfit] certificate, private_key and authority belong together")
    return TlsFiles(*map(Path, files))
