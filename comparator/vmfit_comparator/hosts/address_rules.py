"""Which addresses a request may name: those of the inventory, and others where that is allowed."""

from enum import Enum, auto

from vmfit_contract.access import Caller, Role
from vmfit_contract.address import Address


class AnyAddress(Enum):
    """What may be asked beside the hosts of the inventory."""

    NONE = auto()
    NETWORK = auto()
    """Any host of the network; unix sockets are this machine's own."""
    ALL = auto()

    @classmethod
    def of(cls, caller: Caller, *, configured: bool) -> "AnyAddress":
        """Return what a caller may name; `configured` is what the settings allow everybody."""
        if caller.may(Role.ADMINISTER):
            return cls.ALL
        return cls.NETWORK if configured else cls.NONE

    def why_not(self, address: Address) -> str:
        """Return why an address that is not in the inventory may not be asked; "" if it may."""
        if self is AnyAddress.ALL:
            return ""
        if address.is_unix:
            return "only who administers the comparator may name a unix socket"
        if self is AnyAddress.NETWORK:
            return ""
        return (
            "it is not in the inventory; others may be named only by who administers the "
            "comparator, or with any_address in its settings"
        )
