"""The leases of a host, read as files, by who may not change them."""

from vmfit.v1.preparation_pb2 import Lease
from vmfit_agent.host import Host
from vmfit_agent.host_clock import since_boot_seconds
from vmfit_agent.kernel_files.host_files import read_text, read_word
from vmfit_agent.ledger.guest_usage import find_guests
from vmfit_agent.ledger.journal import JournalError, read_journal
from vmfit_agent.ledger.ledger_file import DIRECTORY, MAX_BYTES, NAME
from vmfit_agent.ledger.rules import standing

PATH = f"{DIRECTORY}/{NAME}"


def read_standing(host: Host) -> list[Lease]:
    """Return the leases that hold now, by VM; none where the host has no ledger.

    A ledger that cannot be used costs a warning. One of another boot promises nothing.
    """
    text = read_text(host, PATH, limit=MAX_BYTES)
    if text is None:
        return []
    try:
        journal = read_journal(text)
    except JournalError as error:
        host.warn(f"/{PATH}: {error}: what is promised to coming VMs is not known")
        return []
    if journal.boot_id != read_word(host, "proc/sys/kernel/random/boot_id"):
        return []
    usage = find_guests(host, journal.ledger.leases.keys())
    return standing(journal.ledger, usage, int(since_boot_seconds() * 1e9))
