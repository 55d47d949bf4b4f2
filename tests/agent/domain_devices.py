"""Typed VMs of which the tests give the devices alone."""

from vmfit_agent.domain_xml import parse_vm


def with_devices(devices: str):
    return parse_vm(f"<domain type='kvm'><name>g</name><devices>{devices}</devices></domain>")
