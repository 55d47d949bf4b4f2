"""`vmfit doctor`: does the comparator work as it is configured?"""

import json
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import click
import grpc

from vmfit.v1.comparator_service_pb2 import ListFactsRequest
from vmfit.v1.comparator_service_pb2_grpc import ComparatorStub
from vmfit_comparator.commands.asking import Asking, comparator_options
from vmfit_comparator.commands.options import store_option
from vmfit_comparator.commands.waiting import Waiting
from vmfit_comparator.diagnosis import (
    Check,
    facts_check,
    host_checks,
    policy_checks,
    store_check,
    tls_checks,
    unit_checks,
)
from vmfit_comparator.hosts.inventory import Inventory, InventoryError, read_inventory
from vmfit_comparator.render.diagnosis import show_diagnosis
from vmfit_comparator.render.terminal import Terminal
from vmfit_comparator.settings import Settings
from vmfit_contract.address import COMPARATOR_PORT, AddressError, parse_address
from vmfit_contract.command_line.commands import Command
from vmfit_contract.command_line.form_choice import FormChoice
from vmfit_contract.command_line.structured import is_structured, structured_text
from vmfit_contract.tls_files import TlsError


@click.command(cls=Command)
@click.option(
    "-o",
    "--output",
    type=FormChoice(["table", "json", "yaml"]),
    default="table",
    show_default=True,
    help="A table for people, or the same for programs.",
)
@store_option
@comparator_options
@click.pass_obj
def command(settings: Settings, *, output: str, store: str | None, asking: Asking) -> int:
    """Tell whether everything that the settings name can be used, and what to do if not.

    That is the service, the certificate, the facts, the policies, the store, the comparator at
    --server and the agents of the inventory: each with the cause, and when its certificate expires.
    The exit status is 1 when something cannot be used.
    """
    with Waiting("all that the settings name"):
        checks = list(_checks(settings, asking, store))
    if is_structured(output):
        is_well = all(each.state != "missing" for each in checks)
        document = {"ok": is_well, "checks": [asdict(each) for each in checks]}
        click.echo(structured_text(json.dumps(document, indent=2) + "\n", output), nl=False)
    else:
        show_diagnosis(checks, Terminal.of_stdout())
    return 1 if any(each.state == "missing" for each in checks) else 0


def _checks(settings: Settings, asking: Asking, store: str | None) -> Iterator[Check]:
    if settings.path is None:
        yield Check("settings", "settings", "ok", ("no file: the defaults",))
    else:
        yield Check("settings", f"settings {settings.path}", "ok")
    yield from unit_checks()
    yield from _tls_checks(asking)
    yield facts_check()
    yield from policy_checks([Path(each) for each in settings.values.get("policies", ())])
    if store:
        yield store_check(store)
    if asking.server:
        yield _server_check(asking.server, asking)
    try:
        inventory = read_inventory(settings.path) if settings.path else Inventory()
    except InventoryError as error:
        yield Check("host", "inventory", "missing", (str(error),))
    else:
        yield from host_checks(inventory, asking.connector(), asking.timeout)


def _tls_checks(asking: Asking) -> Iterator[Check]:
    if asking.insecure:
        reasons = ("off (insecure): whoever is on the way reads and changes what is said",)
        yield Check("tls", "TLS", "partly", reasons)
        return
    try:
        files = asking.tls.chosen()
    except TlsError as error:
        yield Check("tls", "TLS", "missing", (str(error),))
        return
    if files is None:
        remedies = ("issue one (vmfit certs comparator, vmfit certs client)",)
        reasons = ("no certificate: nobody is asked over the network",)
        yield Check("tls", "TLS", "partly", reasons, remedies)
        return
    yield from tls_checks(files)


def _server_check(server: str, asking: Asking) -> Check:
    name = f"server {server}"
    connector = asking.connector()
    try:
        address = parse_address(server, COMPARATOR_PORT)
        with connector.connect(address) as channel:
            facts = ComparatorStub(channel).ListFacts(ListFactsRequest(), timeout=asking.timeout)
    except AddressError as error:
        return Check("server", name, "missing", (str(error),))
    except grpc.RpcError as error:
        return Check("server", name, "missing", (connector.explain(error, address),))
    return Check("server", name, "ok", (f"{len(facts.facts)} facts",))
