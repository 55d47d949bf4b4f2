"""What the comparator measures beside its calls: answers, agents, connections, hosts."""

from collections.abc import Iterator

import grpc
from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.core import GaugeMetricFamily, Metric

from vmfit.v1.comparator_service_pb2 import CheckResponse
from vmfit.v1.finding_pb2 import Answer
from vmfit_comparator.engine import Engine

_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20)
DOES_NOT_APPLY = "DOES_NOT_APPLY"
"""Stands beside the answers: the question did not arise."""


class EngineMetrics:
    """Counts what an engine does; see its Observer."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._answers = Counter(
            "vmfit_answers", "Answers of facts.", ("fact", "answer"), registry=registry
        )
        self._verdicts = Counter(
            "vmfit_verdicts",
            "Answers about VM and destination.",
            ("answer", "acceptable"),
            registry=registry,
        )
        self._calls = Counter(
            "vmfit_agent_calls",
            "Calls of agents, by status.",
            ("method", "code"),
            registry=registry,
        )
        self._seconds = Histogram(
            "vmfit_agent_call_seconds",
            "How long agents took.",
            ("method",),
            buckets=_SECONDS,
            registry=registry,
        )

    def answered(self, response: CheckResponse) -> None:
        """Count the answers about one destination."""
        for finding in response.findings:
            answer = DOES_NOT_APPLY if finding.not_applicable else _name(finding.answer)
            self._answers.labels(finding.fact, answer).inc()
        verdict = response.verdict
        acceptable = str(verdict.acceptable).lower()
        self._verdicts.labels(_name(verdict.answer), acceptable).inc()

    def asked(self, method: str, code: grpc.StatusCode, seconds: float) -> None:
        """Count a call of an agent."""
        self._calls.labels(method, code.name).inc()
        self._seconds.labels(method).observe(seconds)


def _name(answer: Answer.ValueType) -> str:
    return Answer.Name(answer).removeprefix("ANSWER_")


class HostMetrics:
    """Tells, at each scrape, which hosts answered when they were asked last."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def collect(self) -> Iterator[Metric]:
        """Yield a line for each host of the inventory that was asked, and how many there are."""
        health = self._engine.health()
        up = GaugeMetricFamily(
            "vmfit_host_up",
            "Whether the agent of a host of the inventory answered the last time.",
            labels=("host",),
        )
        for host, answers in health.hosts.items():
            up.add_metric((host,), int(answers))
        hosts = GaugeMetricFamily(
            "vmfit_inventory_hosts",
            "Hosts of the inventory, by whether they answer.",
            labels=("state",),
        )
        silent = sum(not answers for answers in health.hosts.values())
        counts = {
            "answering": len(health.hosts) - silent,
            "silent": silent,
            "not_asked": health.inventory - len(health.hosts),
        }
        for state, count in counts.items():
            hosts.add_metric((state,), count)
        yield from (up, hosts)
        connections = health.connections
        for name, what, value in (
            ("vmfit_agent_connections", "Agents with a connection.", connections.open),
            ("vmfit_agent_connections_in_use", "Those with calls under way.", connections.in_use),
            ("vmfit_known_snapshot_bytes", "Snapshots in memory.", connections.known_bytes),
            ("vmfit_store_up", "The last check was recorded, if any is.", health.is_recording),
        ):
            yield GaugeMetricFamily(name, what, int(value))
