"""A comparator over two agents, for clients."""

import pytest

from tests.comparator.builders import destination_snapshot, source_snapshot, vm
from tests.comparator.fake_agents import FakeAgent
from vmfit_comparator.engine import Engine
from vmfit_comparator.hosts.inventory import parse_inventory
from vmfit_comparator.server import ComparatorServer
from vmfit_contract.address import Address


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    directory = tmp_path_factory.mktemp("site")
    with (
        FakeAgent(directory / "a", source_snapshot(), [vm()]) as source,
        FakeAgent(directory / "b", destination_snapshot()) as destination,
        Engine(
            parse_inventory(
                {"alpha": {"address": source.address}, "beta": {"address": destination.address}}
            )
        ) as engine,
    ):
        server = ComparatorServer(engine, [Address(path=str(directory / "comparator"))])
        server.start()
        yield str(server.addresses[0])
        server.stop(0)
