"""The settings files that packages install: every setting, commented, and right as it stands."""

import re
import tomllib

import pytest

from tests.packages.conftest import PROJECT
from vmfit_agent import settings as agent
from vmfit_comparator import settings as comparator

BY_THE_UNITS = {"source", "socket", "prober", "replay"}


@pytest.mark.parametrize(
    ("name", "module"), [("agent.toml", agent), ("comparator.toml", comparator)]
)
def test_each_setting_is_there_and_right(tmp_path, name, module):
    text = (PROJECT / "packaging/linux" / name).read_text()
    assert tomllib.loads(text) == {}
    path = tmp_path / name
    path.write_text(re.sub(r"(?m)^# ((\w+ = )|\[[\w.]+\]$)", r"\1", text))
    values = module.read_settings(path).values
    missing = set(module.KEYS) - set(values) - BY_THE_UNITS
    assert missing == set(), f"packaging/linux/{name} does not show them"
