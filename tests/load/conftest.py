"""Sites whose processes end with the test, and what a test counts."""

import pytest

from tests.load.services import RECORDED, Services


@pytest.fixture
def services(tmp_path):
    services = Services(tmp_path)
    yield services
    services.close()


@pytest.fixture
def hosts(services):
    """Two agents that replay recorded hosts, by their names in the inventory."""
    agents = [services.replaying(host) for host in RECORDED]
    return dict(zip(("source", "destination"), (each.address for each in agents), strict=True))


class Tally:
    """Tries and losses, which are printed when the test ends."""

    def __init__(self, name):
        self._name = name
        self.tries = 0
        self.losses = []
        self.notes = []

    def note(self, what):
        self.notes.append(what)

    def add(self, loss=None):
        """Count a try; `loss` says what was lost, if anything."""
        self.tries += 1
        if loss is not None:
            self.losses.append(loss)

    def __str__(self):
        notes = "".join(f", {note}" for note in self.notes)
        return f"{self._name}: {self.tries} tries, {len(self.losses)} losses{notes}"


@pytest.fixture
def tally(request):
    tally = Tally(request.node.name)
    yield tally
    print(tally)  # noqa: T201
