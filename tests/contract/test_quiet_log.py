"""Log lines that a peer can cause at will."""

import logging

from vmfit_contract.quiet_log import QuietLog


def test_a_few_lines_of_a_kind_a_minute_then_their_number(caplog):
    now = [0.0]
    log = QuietLog(logging.getLogger("test"), lambda: now[0])
    for number in range(100):
        log.tell("denied", f"line {number}")
    log.tell("other", "another kind")
    assert caplog.messages == [f"line {number}" for number in range(5)] + ["another kind"]
    now[0] = 61.0
    log.tell("denied", "later")
    assert caplog.messages[-1] == "later (95 more of this kind were not written)"
    log.tell("denied", "and on")
    assert caplog.messages[-1] == "and on"


def test_kinds_are_bounded(caplog):
    log = QuietLog(logging.getLogger("test"), lambda: 0.0)
    for number in range(10_000):
        log.tell(f"kind {number}", "line")
    assert len(log._counts) <= 256
