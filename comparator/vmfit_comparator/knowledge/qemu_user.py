"""Who QEMU runs as on a host."""

import re

from vmfit.v1.hypervisor_pb2 import HypervisorConnection
from vmfit_comparator.evaluation.case import Case
from vmfit_comparator.evaluation.reads import reads
from vmfit_comparator.knowledge.connections import (
    destination_connection,
    on_connections,
    source_connection,
)

_LABEL = re.compile(r"\+(\d{1,10}):\+\d{1,10}")


@reads("vm.domain_type", *on_connections("source", "security_models"))
def source_user_id(case: Case) -> int | None:
    """Return the user of libvirt's own label on the source; None when it is not known."""
    return _user_id(case.vm.domain_type, source_connection(case))


@reads("vm.domain_type", *on_connections("destination", "security_models"))
def destination_user_id(case: Case) -> int | None:
    """Return the user of libvirt's own label on the destination; None when it is not known."""
    return _user_id(case.vm.domain_type, destination_connection(case))


def _user_id(domain_type: str, connection: HypervisorConnection | None) -> int | None:
    """Source: virConnectGetCapabilities, host/secmodel "dac", baselabel."""
    for model in connection.security_models if connection is not None else ():
        found = _LABEL.fullmatch(model.base_labels.get(domain_type, ""))
        if model.model == "dac" and found:
            return int(found[1])
    return None
