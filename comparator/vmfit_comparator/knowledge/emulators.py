"""The program that runs the guest, as its host's agent read it."""

from collections.abc import Iterable

from vmfit.v1.hypervisor_pb2 import DomainCapabilities, Emulator
from vmfit_comparator.evaluation.case import Case
from vmfit_comparator.evaluation.reads import reads
from vmfit_comparator.knowledge.capabilities import destination_capabilities, source_capabilities


@reads("source.hypervisor.emulators", "vm.emulator.path")
def source_emulator(case: Case) -> Emulator | None:
    """Return the source's emulator for the VM; None where nobody read it."""
    path = case.vm.emulator.path or _path(source_capabilities(case))
    return _at(path, case.source.hypervisor.emulators)


@reads("destination.hypervisor.emulators", "vm.emulator.path")
def destination_emulator(case: Case) -> Emulator | None:
    """Return the destination's emulator for the VM; None where nobody read it."""
    path = case.vm.emulator.path or _path(destination_capabilities(case))
    return _at(path, case.destination.hypervisor.emulators)


def _path(capabilities: DomainCapabilities | None) -> str:
    return capabilities.emulator_path if capabilities is not None else ""


def _at(path: str, emulators: Iterable[Emulator]) -> Emulator | None:
    return next((each for each in emulators if each.path == path), None)
