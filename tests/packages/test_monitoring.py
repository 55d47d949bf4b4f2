"""Alert rules and dashboard: they ask for metrics that the programs give, as Prometheus has it."""

import json
import re
import subprocess

import pytest
import yaml
from prometheus_client import CollectorRegistry

from tests.packages.conftest import PROJECT
from tests.packages.prometheus import found
from vmfit_agent.metrics import PartMetrics
from vmfit_agent.part_state import PartState
from vmfit_comparator import Engine
from vmfit_comparator.metrics import EngineMetrics, HostMetrics
from vmfit_contract.metrics.process import new_registry
from vmfit_contract.metrics.rpcs import RpcMetrics

MONITORING = PROJECT / "packaging/monitoring"
NAME = re.compile(r"\b(?:vmfit|grpc_server|process)_[a-z_]+\b")
SUFFIXES = re.compile(r"_(total|bucket|count|sum)$")


class Calls:
    def part_states(self, max_age_seconds, seconds):
        return {"cpu": PartState(1.0, 0.1, is_there=True)}


@pytest.fixture(scope="module")
def given():
    """Names of metrics, as pages spell them."""
    registry = new_registry("vmfit", "0.1.0", list)
    RpcMetrics(registry)
    registry.register(PartMetrics(Calls()))
    with Engine() as engine:
        EngineMetrics(registry)
        registry.register(HostMetrics(engine))
        names = {metric.name for metric in registry.collect()}
    assert isinstance(registry, CollectorRegistry)
    return names


def queries():
    dashboard = json.loads((MONITORING / "dashboard.json").read_text())
    found = {}
    for panel in dashboard["panels"]:
        for target in panel.get("targets", ()):
            found[f"{panel['title']} {target['refId']}"] = target["expr"]
    for variable in dashboard["templating"]["list"]:
        if variable["type"] == "query":
            found[variable["name"]] = variable["query"]["query"]
    return found


def test_every_query_is_of_metrics_that_there_are(given):
    rules = (MONITORING / "alerts.yaml").read_text()
    texts = {
        **queries(),
        "alerts": "\n".join(re.findall(r"(?s)expr:(.*?)\n +(?:for|labels):", rules)),
    }
    assert len(texts) > 20
    for where, text in texts.items():
        asked = {SUFFIXES.sub("", name) for name in NAME.findall(text)}
        assert asked <= given | {"grpc_server_handling_seconds"}, where
        assert asked, where


def test_every_metric_of_vmfit_is_shown_or_alerts(given):
    asked = " ".join([*queries().values(), (MONITORING / "alerts.yaml").read_text()])
    own = {name for name in given if name.startswith("vmfit_")}
    assert {name for name in own if name not in asked} == set()


def test_panels_have_places_of_their_own():
    dashboard = json.loads((MONITORING / "dashboard.json").read_text())
    places = set()
    for panel in dashboard["panels"]:
        place = panel["gridPos"]
        cells = {
            (place["x"] + x, place["y"] + y) for x in range(place["w"]) for y in range(place["h"])
        }
        assert not cells & places, panel["title"]
        assert place["x"] + place["w"] <= 24
        places |= cells
    assert len({panel["id"] for panel in dashboard["panels"]}) == len(dashboard["panels"])


def test_every_alert_is_tried():
    groups = yaml.safe_load((MONITORING / "alerts.yaml").read_text())["groups"]
    tried = yaml.safe_load((MONITORING / "alerts_test.yaml").read_text())["tests"]
    fires = {
        each["alertname"]
        for test in tried
        for each in test["alert_rule_test"]
        if each["exp_alerts"]
    }
    assert fires == {rule["alert"] for group in groups for rule in group["rules"]}


def test_prometheus_takes_rules_and_queries(tmp_path):
    promtool = found("promtool")
    asked = [text for text in queries().values() if not text.startswith("label_values")]
    rules = [
        {"record": f"query:{number}", "expr": text.replace("$__rate_interval", "5m")}
        for number, text in enumerate(asked)
    ]
    path = tmp_path / "queries.yaml"
    path.write_text(json.dumps({"groups": [{"name": "dashboard", "rules": rules}]}))
    for words in (
        ("check", "rules", MONITORING / "alerts.yaml"),
        ("test", "rules", MONITORING / "alerts_test.yaml"),
        ("check", "rules", path),
    ):
        ended = subprocess.run([promtool, *words], capture_output=True, text=True, check=False)
        assert ended.returncode == 0, ended.stdout + ended.stderr
