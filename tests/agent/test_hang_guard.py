"""What hangs is asked once, until it is back."""

import threading
import time

import pytest

from vmfit_agent.storage.hang_guard import HangGuard


def test_answers_and_errors_pass_through():
    guard = HangGuard()
    assert guard.ask("/a", 5, lambda: 7) == 7
    with pytest.raises(FileNotFoundError):
        guard.ask("/a", 5, lambda: open("/nonexistent/file"))  # noqa: PTH123, SIM115
    assert guard.ask("/a", 5, lambda: 8) == 8


def test_a_place_that_hangs_is_not_asked_again_until_it_is_back():
    guard, back, questions = HangGuard(), threading.Event(), []

    def question():
        questions.append(1)
        back.wait(20)
        return "here"

    with pytest.raises(TimeoutError):
        guard.ask("/dead", 0.05, question)
    started = time.monotonic()
    for _ in range(5):
        with pytest.raises(TimeoutError, match="/dead does not answer"):
            guard.ask("/dead", 5, question)
    assert time.monotonic() - started < 1
    assert len(questions) == 1
    assert guard.ask("/alive", 5, lambda: "yes") == "yes"

    back.set()
    deadline = time.monotonic() + 10
    answer = None
    while answer is None and time.monotonic() < deadline:
        try:
            answer = guard.ask("/dead", 5, question)
        except TimeoutError:
            time.sleep(0.01)
    assert answer == "here"
