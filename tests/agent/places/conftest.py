"""Directories that stand for the system's own."""

import pytest

from vmfit_agent.storage import permitted_places, system_directories


@pytest.fixture
def system(tmp_path, monkeypatch):
    """A directory that stands for one of the system's own."""
    place = tmp_path / "system"
    place.mkdir()
    monkeypatch.setattr(permitted_places, "SYSTEM", (str(place),))
    monkeypatch.setattr(system_directories, "SYSTEM", (str(place),))
    return place


@pytest.fixture
def closed(tmp_path, monkeypatch):
    """A directory that stands for /root."""
    place = tmp_path / "closed"
    (place / "there").mkdir(parents=True)
    for module in (permitted_places, system_directories):
        monkeypatch.setattr(module, "NEVER", (str(place),))
        monkeypatch.setattr(module, "CLOSED", (str(place),))
    return place
