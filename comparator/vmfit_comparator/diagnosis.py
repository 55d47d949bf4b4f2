"""Whether a comparator works as it is configured: certificates, policies, store, hosts."""

import pwd
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from vmfit_comparator.hosts.agents import Agents
from vmfit_comparator.hosts.inventory import HostEntry, Inventory
from vmfit_comparator.hosts.inventory_rows import inventory_row
from vmfit_comparator.installed_facts import installed_facts
from vmfit_comparator.policies.policy_error import PolicyError
from vmfit_comparator.policies.policy_file import read_policy_file
from vmfit_comparator.policies.policy_library import PolicyLibrary
from vmfit_comparator.store.records import StoreError
from vmfit_comparator.store.store import Store
from vmfit_contract.address import Address
from vmfit_contract.connector import Connector
from vmfit_contract.printable import printable
from vmfit_contract.tls_files import TlsFiles
from vmfit_contract.tls_report import SOON_DAYS, report
from vmfit_contract.unit_report import unit_reports

_THREADS = 64


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was tried."""

    area: str
    """ "unit", "tls", "facts", "policy", "store", "server" or "host"."""
    name: str
    state: str
    """ "ok", "partly" or "missing"."""
    reasons: tuple[str, ...] = ()
    remedies: tuple[str, ...] = ()


def tls_checks(files: TlsFiles) -> Iterator[Check]:
    """Yield what is to be said of each file of the certificate that is shown to agents."""
    for each in report(files, as_server=False):
        yield Check("tls", f"TLS {each.path}", each.state, each.reasons, each.remedies)


def facts_check() -> Check:
    """Return whether all facts of all distributions can be asked."""
    installed = installed_facts()
    others = sorted(set(installed.sources.values()))
    told = f"{len(installed.facts)} facts"
    if others:
        told += f", {len(installed.sources)} of them of {', '.join(others)}"
    if not installed.problems:
        return Check("facts", "facts", "ok", (told,))
    remedy = "update or remove the distribution that is named"
    return Check("facts", "facts", "partly", (told, *installed.problems), (remedy,))


def policy_checks(paths: list[Path]) -> Iterator[Check]:
    """Yield for each policy file whether it could be used, expressions and all."""
    for path in paths:
        try:
            PolicyLibrary([read_policy_file(path)], installed_facts().facts).close()
        except PolicyError as error:
            yield Check("policy", f"policy {path}", "missing", (str(error),))
        else:
            yield Check("policy", f"policy {path}", "ok")


def store_check(url: str) -> Check:
    """Return whether checks can be kept."""
    name = "store"
    try:
        store = Store(url)
    except StoreError as error:
        return Check("store", name, "missing", (str(error),))
    try:
        store.require_writable()
        count = store.count_checks()
    except StoreError as error:
        return Check("store", name, "missing", (str(error),))
    finally:
        store.close()
    return _store_file_check(store.file, count)


def unit_checks() -> Iterator[Check]:
    """Yield whether the service runs, where its unit is installed."""
    for each in unit_reports(("vmfit-comparator.service",)):
        yield Check("unit", each.name, each.state, each.reasons, each.remedies)


def _store_file_check(file: Path | None, count: int) -> Check:
    """Tell of a database file whether it is its directory's owner's, and nobody else's."""
    counted = f"{count} checks"
    if file is None:
        return Check("store", "store", "ok", (counted,))
    found, directory = file.stat(), file.parent.stat()
    if found.st_uid != directory.st_uid:
        reason = f"{file} belongs to {_user(found.st_uid)}, its directory to "
        owner = _user(directory.st_uid)
        reasons = (counted, f"{reason}{owner}: the service cannot write to it")
        remedy = f"chown {owner}: {file}*"
        return Check("store", "store", "missing", reasons, (remedy,))
    if found.st_mode & 0o077:
        reasons = (counted, f"{file} is open to other users: it has VMs, hosts and answers")
        return Check("store", "store", "partly", reasons, (f"chmod 0600 {file}*",))
    return Check("store", "store", "ok", (counted,))


def _user(user_id: int) -> str:
    try:
        return pwd.getpwuid(user_id).pw_name
    except KeyError:
        return str(user_id)


def host_checks(inventory: Inventory, connector: Connector, seconds: float) -> Iterator[Check]:
    """Yield for every host, in the inventory's order, whether its agent answers in time.

    Over TLS also when the agent's certificate expires.
    """
    agents = Agents(connector)
    until = time.monotonic() + seconds
    try:
        with ThreadPoolExecutor(_THREADS) as threads:
            entries = inventory.hosts.values()
            yield from threads.map(
                lambda each: _host_check(each, agents, connector, until), entries
            )
    finally:
        agents.close()


def _host_check(entry: HostEntry, agents: Agents, connector: Connector, until: float) -> Check:
    name = f"host {entry.name}"
    row = inventory_row(entry, agents, until)
    if row.error:
        remedies = () if row.reachable else _unreachable_remedies(entry.address, row.error)
        return Check("host", name, "missing", (printable(row.error),), remedies)
    reasons = [f"agent {printable(row.agent_version)} on {printable(row.hostname)}"]
    shown = connector.shown_certificate(
        entry.address, entry.tls_server_name, until - time.monotonic()
    )
    if shown is None:
        return Check("host", name, "ok", tuple(reasons))
    days = (shown.not_after - datetime.now(UTC)).days
    reasons.append(f"its certificate expires on {shown.not_after:%Y-%m-%d}, in {days} days")
    if days < SOON_DAYS:
        return Check("host", name, "partly", tuple(reasons), ("renew it there",))
    return Check("host", name, "ok", tuple(reasons))


def _unreachable_remedies(address: Address, error: str) -> tuple[str, ...]:
    # Causes that TLS has say themselves what to do.
    if error.startswith(("unavailable", "did not answer")):
        return (f"start vmfit-agent there, and let {address} through firewalls",)
    return ()
