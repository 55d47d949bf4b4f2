"""One question to the comparator for each request, though a filter and a weigher use its answer."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from nova.objects.request_spec import RequestSpec
from nova.scheduler.host_manager import HostState

from vmfit_nova.live_migration import LiveMigration, live_migration
from vmfit_nova.questions import Answer, answers

# nova gives one request to the filters, then to the weighers, then again with hosts left out.
_KEPT = "_vmfit_answered"


@dataclass(frozen=True)
class Answered:
    """A live migration and what was said of hosts."""

    migration: LiveMigration
    asked: frozenset[str]
    answers: Mapping[str, Answer]


def answered(spec: RequestSpec, hosts: Iterable[HostState]) -> Answered | None:
    """Return what the comparator says of hosts; None if the request is no live migration."""
    names = frozenset(each.host for each in hosts)
    kept: Answered | None = getattr(spec, _KEPT, None)
    if kept is not None and names <= kept.asked:
        return kept
    migration = live_migration(spec)
    if migration is None:
        return None
    kept = Answered(migration, names, answers(migration, sorted(names)))
    setattr(spec, _KEPT, kept)
    return kept
