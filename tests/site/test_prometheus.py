"""What is shipped for Prometheus, at a real one that scrapes a real agent and comparator."""

import re
import socket
import time

import pytest
import yaml

from tests.packages.prometheus import Prometheus, found
from tests.packages.test_monitoring import MONITORING, queries

_METRICS = re.compile(r"metrics on http://(\S+)/metrics")
INTERVAL = "$__rate_interval"
# What fires without the agent; that every alert fires is tried by `promtool test rules`, too.
ALERTS = {
    "VmfitAgentDown", "VmfitCertificateEnds", "VmfitHostSilent", "VmfitManyHostsSilent",
}  # fmt: skip


def metrics_address(process):
    while True:
        match = _METRICS.search("".join(process.lines))
        if match:
            return match[1]
        line = process.stderr.readline()
        assert line, process.lines
        process.lines.append(line)


def free_address():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{taken.getsockname()[1]}"


def rules():
    """The alerts as they are shipped, but at once."""
    tree = yaml.safe_load((MONITORING / "alerts.yaml").read_text())
    for group in tree["groups"]:
        for rule in group["rules"]:
            rule["for"] = "0s"
    return tree


def until(condition, missing):
    give_up_at = time.monotonic() + 120
    while not condition():
        assert time.monotonic() < give_up_at, missing()
        time.sleep(0.5)


@pytest.fixture
def services(site):
    """An agent that collects on this machine, and a comparator that knows it and a dead host."""
    found("prometheus")
    of_agent = site.issue("agent", "127.0.0.1")
    of_comparator = site.issue("comparator", "127.0.0.1", options=["--days", "10"])
    words = ("--listen", "127.0.0.1:0", "--metrics", "127.0.0.1:0", "--libvirt-uri", "none")
    agent = site.serve("vmfit-agent", *words, *of_agent.options)
    settings = (
        f'{of_comparator.settings}store = "sqlite:///{site.directory}/store.db"\n'
        f'[hosts.alpha]\naddress = "{agent.address}"\n[hosts.dead]\naddress = "{free_address()}"\n'
    )
    words = ("--listen", "127.0.0.1:0", "--metrics", "127.0.0.1:0")
    comparator = site.serve("vmfit", *words, settings=settings)
    return agent, comparator, of_agent, of_comparator


@pytest.fixture
def prometheus(services, tmp_path):
    agent, comparator, *_ = services
    jobs = {
        "vmfit-agent": [metrics_address(agent)],
        "vmfit-comparator": [metrics_address(comparator)],
    }
    prometheus = Prometheus(tmp_path / "prometheus", free_address(), jobs, rules())
    yield prometheus
    prometheus.close()


def ask(site, services):
    """Have the comparator answer, about a domain that nobody needs to have."""
    _, comparator, _, material = services
    (site.directory / "web.xml").write_text(
        "<domain type='qemu'><name>web</name><memory unit='MiB'>64</memory><vcpu>1</vcpu>"
        "<os><type arch='x86_64' machine='pc'>hvm</type></os></domain>"
    )
    options = ("--server", comparator.address, *material.options)
    for destination in ("alpha", "dead"):
        site.vmfit("check", "--xml", "web.xml", "--from", "alpha", "--to", destination, *options)
    asked = site.vmfit("hosts", *options)
    assert "dead" in asked.stdout, asked.stderr


def test_panels_have_data_and_alerts_fire(site, services, prometheus):
    agent, _, of_agent, _ = services
    asked = {
        name: text.replace(INTERVAL, "1m").replace("$host", ".*")
        for name, text in queries().items()
        if not text.startswith("label_values")
    }
    assert len(asked) > 20
    # A counter's growth is seen from its second sample on.
    ask(site, services)
    empty = dict(asked)

    def all_have_data():
        ask(site, services)
        for name in list(empty):
            if prometheus.query(empty[name]):
                del empty[name]
        return not empty

    until(all_have_data, lambda: f"no data: {empty}")
    # The certificate that ends soon is left as it is; the agent's own is no certificate any more.
    of_agent.certificate.write_text("damaged")
    until(
        lambda: {"VmfitCertificateUnreadable", "VmfitPartMissing"} <= prometheus.firing(),
        lambda: f"firing: {prometheus.firing()}",
    )
    agent.terminate()
    agent.wait(20)
    until(lambda: prometheus.firing() >= ALERTS, lambda: f"firing: {prometheus.firing()}")
