"""Compares two hosts' facts for one VM and answers fact by fact.

    from vmfit_comparator import Engine, EngineError

    with Engine() as engine:
        response = engine.check(request)

Requests and responses are the messages of vmfit.v1.comparator_service_pb2.
"""

from typing import TYPE_CHECKING

import vmfit_contract  # noqa: F401 -- before gRPC, which it keeps quiet

if TYPE_CHECKING:
    from vmfit_comparator.engine import Engine
    from vmfit_comparator.engine_error import EngineError
    from vmfit_comparator.hosts.inventory import Inventory, InventoryError, read_inventory
    from vmfit_comparator.policies.policy_error import PolicyError
    from vmfit_comparator.policies.policy_file import read_policy

__version__ = "0.1.0"

_MODULES = {
    "Engine": "engine",
    "EngineError": "engine_error",
    "Inventory": "hosts.inventory",
    "InventoryError": "hosts.inventory",
    "read_inventory": "hosts.inventory",
    "PolicyError": "policies.policy_error",
    "read_policy": "policies.policy_file",
}

__all__ = [
    "Engine",
    "EngineError",
    "Inventory",
    "InventoryError",
    "PolicyError",
    "read_inventory",
    "read_policy",
]


def __getattr__(name: str) -> object:
    # Loaded on first use: a command's --help needs neither gRPC nor the facts.
    module = _MODULES.get(name)
    if module is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module  # noqa: PLC0415

    return getattr(import_module(f"{__name__}.{module}"), name)
