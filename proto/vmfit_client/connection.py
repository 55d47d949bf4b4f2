"""Where a client's comparator is, and how a client proves who it is."""

from vmfit_client.failure import VmfitError
from vmfit_contract.address import COMPARATOR_PORT, Address, AddressError, parse_address
from vmfit_contract.connector import Connector
from vmfit_contract.tls_files import ClientTls, TlsError, TlsFiles, default_client_files

DEFAULT_TIMEOUT_SECONDS = 20.0


def connection(server: str, tls: TlsFiles | None, *, insecure: bool) -> tuple[Address, Connector]:
    """Return the comparator's address, and what connects to it. Raises VmfitError."""
    try:
        address = parse_address(server, COMPARATOR_PORT)
        if insecure or address.is_unix:
            return address, Connector(insecure=insecure)
        return address, Connector(tls=ClientTls(tls or default_client_files()))
    except (AddressError, TlsError) as error:
        raise VmfitError(f"server: {error}") from None
