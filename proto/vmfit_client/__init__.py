"""Asks a vmfit comparator: which host can take this VM, and why not the others?

    from vmfit_client import Client

    with Client("comparator.example.com") as vmfit:
        for check in vmfit.rank("web", source="alpha", destinations=["beta", "gamma"]).checks:
            print(check.subject.destination_host, check.verdict.acceptable)

`AsyncClient` is the same for asyncio. Certificates are libvirt's, unless others are named. Every
call has one deadline, within which it is tried again when the comparator says that this makes
sense. What has no answer raises `VmfitError`.
"""

from vmfit_client.asyncio import AsyncClient
from vmfit_client.client import Client
from vmfit_client.failure import VmfitError
from vmfit_client.references import Host, Vm
from vmfit_contract.reasons import Reason
from vmfit_contract.tls_files import TlsFiles

__all__ = ["AsyncClient", "Client", "Host", "Reason", "TlsFiles", "Vm", "VmfitError"]
