import threading
import time

import pytest

from vmfit.v1.host_metadata_service_pb2 import DescribeVmRequest
from vmfit_agent.sources import SourceUnavailable, UnknownDomain, ages
from vmfit_agent.sources import in_process as module
from vmfit_contract.access import EVERY_ROLE, LOCAL, Caller
from vmfit_contract.parts import PART_NAMES

NAMES = ("identity", "memory", "network")


def statuses(snapshot):
    return {status.name: status for status in snapshot.parts}


def test_collects_what_was_never_collected_then_serves_it(fake):
    source = fake.source()
    first = source.snapshot(NAMES, None, {})
    again = source.snapshot(NAMES, None, {})
    assert first.identity.hostname == "alpha"
    assert first.memory.total_bytes == 1 << 30
    assert first.HasField("network")
    assert list(statuses(first)["network"].warnings) == ["eth7: speed unknown"]
    assert fake.counts == {"identity": 1, "memory": 1, "network": 1}
    assert first.schema_revision
    assert first.agent_version
    assert again.taken_at.ToNanoseconds() > first.taken_at.ToNanoseconds()
    assert statuses(again)["memory"].collected_at == statuses(first)["memory"].collected_at


def test_parts_come_in_snapshot_order_each_once(fake):
    snapshot = fake.source().snapshot(["network", "identity", "network"], None, {})
    assert [status.name for status in snapshot.parts] == ["identity", "network"]
    assert not snapshot.HasField("memory")
    assert fake.counts["memory"] == 0


def test_no_selection_is_everything(fake):
    snapshot = fake.source().snapshot((), None, {})
    assert [status.name for status in snapshot.parts] == list(PART_NAMES)
    assert statuses(snapshot)["cpu"].error == "no collector"


def test_zero_maximum_age_collects_anew(fake):
    source = fake.source()
    source.snapshot(NAMES, None, {})
    fake.hostname = "beta"
    assert source.snapshot(["identity"], 60.0, {}).identity.hostname == "alpha"
    assert source.snapshot(["identity"], 0.0, {}).identity.hostname == "beta"
    assert fake.counts == {"identity": 2, "memory": 1, "network": 1}


def test_a_host_that_is_spared_is_not_asked_again_for_what_is_young(fake, monkeypatch):
    monkeypatch.setattr(ages, "YOUNG_SECONDS", 0.2)
    source = fake.source()
    source.spare_host()
    ended = time.monotonic() + 1
    tries = 0
    while time.monotonic() < ended:
        source.snapshot(NAMES, 0.0, {})
        tries += 1
    print(f"{tries} tries, {fake.counts['memory']} collections")  # noqa: T201
    assert tries > 50
    assert 4 <= fake.counts["memory"] <= 6
    before = fake.counts["identity"]
    fake.hostname = "beta"
    source.invalidate(["identity"])
    assert source.snapshot(NAMES, 0.0, {}).identity.hostname == "beta"
    assert fake.counts["identity"] == before + 1


def test_what_was_dear_is_young_for_longer(fake, monkeypatch):
    monkeypatch.setattr(ages, "YOUNG_SECONDS", 0.0)
    fake.release.clear()
    threading.Timer(0.1, fake.release.set).start()
    source = fake.source()
    source.spare_host()
    source.snapshot(NAMES, 0.0, {})
    time.sleep(0.4)
    source.snapshot(NAMES, 0.0, {})
    assert (fake.counts["network"], fake.counts["memory"]) == (1, 2)
    time.sleep(0.7)
    source.snapshot(NAMES, 0.0, {})
    assert fake.counts["network"] == 2


def test_without_maximum_age_a_part_is_no_older_than_its_period(make_fake):
    fake = make_fake(memory_period=0.2)
    source = fake.source()
    source.snapshot(NAMES, None, {})
    fake.total_bytes = 2 << 30
    time.sleep(0.25)
    assert source.snapshot(NAMES, None, {}).memory.total_bytes == 2 << 30
    assert fake.counts["identity"] == 1


def test_known_digests_leave_unchanged_content_out(fake):
    source = fake.source()
    known = {status.name: status.digest for status in source.snapshot(NAMES, None, {}).parts}
    fake.total_bytes = 5
    snapshot = source.snapshot(NAMES, 0.0, known)
    assert not snapshot.HasField("identity")
    assert statuses(snapshot)["identity"].unchanged
    assert statuses(snapshot)["identity"].digest == known["identity"]
    assert snapshot.memory.total_bytes == 5
    assert not statuses(snapshot)["memory"].unchanged


def test_concurrent_requests_share_one_collection(fake):
    fake.release.clear()
    source = fake.source()
    answers = []
    threads = [
        threading.Thread(target=lambda: answers.append(source.snapshot(["network"], None, {})))
        for _ in range(5)
    ]
    for thread in threads:
        thread.start()
    time.sleep(0.1)
    fake.release.set()
    for thread in threads:
        thread.join(5)
    assert [answer.HasField("network") for answer in answers] == [True] * 5
    assert fake.counts["network"] == 1


def test_a_request_for_now_does_not_take_a_collection_that_began_before_it(fake):
    fake.release.clear()
    source = fake.source()
    first = threading.Thread(target=lambda: source.snapshot(["network"], None, {}))
    first.start()
    time.sleep(0.05)
    threading.Timer(0.1, fake.release.set).start()
    assert source.snapshot(["network"], 0.0, {}).HasField("network")
    first.join(5)
    assert fake.counts["network"] == 2


def test_a_hung_collector_costs_its_part_alone_and_its_late_answer_counts(make_fake):
    fake = make_fake(deadline_seconds=0.8)
    fake.release.clear()
    source = fake.source()
    snapshot = source.snapshot(NAMES, None, {})
    assert snapshot.HasField("identity")
    assert not snapshot.HasField("network")
    assert statuses(snapshot)["network"].error == "not collected within 0.8 s"
    began = time.monotonic()
    source.snapshot(NAMES, 0.0, {})
    assert time.monotonic() - began < 0.7  # It is overdue: nobody waits for it again.
    assert fake.counts["network"] == 1
    fake.release.set()
    time.sleep(0.1)
    assert source.snapshot(NAMES, None, {}).HasField("network")
    assert fake.counts["network"] == 1


def test_a_short_timeout_answers_with_what_is_there(fake):
    fake.release.clear()
    source = fake.source()
    began = time.monotonic()
    snapshot = source.snapshot(NAMES, None, {}, timeout_seconds=0.2)
    assert time.monotonic() - began < 1
    assert snapshot.HasField("memory")
    assert "within the time that the caller gave" in statuses(snapshot)["network"].error


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (FileNotFoundError(2, "No such file or directory", "/proc/x"), "/proc/x"),
        (ValueError("/proc/x: no number"), "/proc/x: no number"),
        (KeyError("bug"), "internal error: KeyError"),
        (ValueError(), "ValueError"),
    ],
)
def test_a_failing_collector_says_why(fake, error, reason):
    fake.error = error
    snapshot = fake.source().snapshot(NAMES, None, {})
    assert reason in statuses(snapshot)["network"].error
    assert not statuses(snapshot)["network"].digest
    assert snapshot.HasField("identity")


def test_a_failed_part_is_tried_again(fake, monkeypatch):
    monkeypatch.setattr(ages, "RETRY_SECONDS", 0.1)
    fake.error = OSError("down")
    source = fake.source()
    source.snapshot(NAMES, None, {})
    source.snapshot(NAMES, None, {})
    assert fake.counts["network"] == 1
    fake.error = None
    time.sleep(0.12)
    assert source.snapshot(NAMES, None, {}).HasField("network")


def test_an_event_makes_a_part_outdated(fake):
    source = fake.source()
    source.snapshot(NAMES, None, {})
    fake.hostname = "beta"
    source.invalidate(["identity"])
    assert source.snapshot(NAMES, None, {}).identity.hostname == "beta"
    assert fake.counts == {"identity": 2, "memory": 1, "network": 1}


def test_a_watch_sends_all_then_changes_after_events(fake, monkeypatch):
    monkeypatch.setattr(module, "SETTLE_SECONDS", 0.1)
    source = fake.source()
    watch = source.watch(NAMES, {})
    assert [status.name for status in next(watch).parts] == list(NAMES)
    fake.hostname = "beta"
    for _ in range(20):
        source.invalidate(["identity", "network"])
    changed = next(watch)
    assert [status.name for status in changed.parts] == ["identity"]
    assert changed.identity.hostname == "beta"
    assert fake.counts["identity"] == 2  # The burst cost one collection.
    watch.cancel()
    assert list(watch) == []


def test_a_watch_ticks_with_the_period(make_fake):
    fake = make_fake(memory_period=0.1)
    watch = fake.source().watch(["memory"], {})
    next(watch)
    fake.total_bytes = 7
    assert next(watch).memory.total_bytes == 7
    watch.cancel()


def test_a_watch_starts_from_known_digests(fake):
    source = fake.source()
    known = {status.name: status.digest for status in source.snapshot(NAMES, None, {}).parts}
    first = next(source.watch(NAMES, known))
    assert all(status.unchanged for status in first.parts)
    assert not first.HasField("identity")


@pytest.mark.parametrize("end", ["cancel", "close"])
def test_a_waiting_watch_ends_from_another_thread(fake, end):
    source = fake.source()
    watch = source.watch(["identity"], {})
    next(watch)
    threading.Timer(0.1, watch.cancel if end == "cancel" else source.close).start()
    began = time.monotonic()
    assert list(watch) == []
    assert time.monotonic() - began < 2


def test_describing_is_bounded(fake, monkeypatch):
    monkeypatch.setattr(module, "DESCRIBE_SECONDS", 0.2)
    fake.release.clear()
    source = fake.source()
    for _ in range(module.MAX_DESCRIPTIONS + 1):
        with pytest.raises(SourceUnavailable, match="describing the domain"):
            source.describe_vm(DescribeVmRequest(xml="hang"), None, LOCAL)
    fake.release.set()
    time.sleep(0.1)
    assert source.describe_vm(DescribeVmRequest(name="web"), None, LOCAL).vm.name == "web"
    with pytest.raises(UnknownDomain):
        source.describe_vm(DescribeVmRequest(name="gone"), None, LOCAL)


def test_descriptions_that_hang_cost_other_callers_none(fake):
    fake.release.clear()
    source = fake.source()
    hang = DescribeVmRequest(xml="hang")
    for name in ("dns:a", "dns:b"):
        for _ in range(module.MAX_DESCRIPTIONS):
            with pytest.raises(SourceUnavailable, match="describing the domain"):
                source.describe_vm(hang, 0.1, Caller(name, EVERY_ROLE))
    polite = Caller("dns:c", EVERY_ROLE)
    assert source.describe_vm(DescribeVmRequest(name="web"), 0.1, polite).vm.name == "web"
    # Who waits for a place goes when its caller does.
    gone = threading.Event()
    threading.Timer(0.2, gone.set).start()
    began = time.monotonic()
    with pytest.raises(SourceUnavailable):
        source.describe_vm(hang, 10.0, Caller("dns:a", EVERY_ROLE, is_gone=gone.is_set))
    assert time.monotonic() - began < 5
