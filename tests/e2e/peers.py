"""What else would have been asked before a migration, and what it says."""

from typing import Any

from lab import Lab
from scenario import Scenario


def look(lab: Lab, scenario: Scenario) -> dict[str, Any]:
    return {}
