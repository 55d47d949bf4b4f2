"""What each host of the inventory says of itself."""

from vmfit.v1.comparator_service_pb2 import InventoryHost
from vmfit_comparator.hosts.agent_error import AgentError
from vmfit_comparator.hosts.agents import Agents
from vmfit_comparator.hosts.host_answer import WrongHostError
from vmfit_comparator.hosts.inventory import HostEntry


def inventory_row(entry: HostEntry, agents: Agents, until: float) -> InventoryHost:
    """Ask one agent who it is; an error is in the row, and costs no other row anything."""
    row = InventoryHost(name=entry.name, address=str(entry.address))
    try:
        client = agents.client(
            entry.address, entry.expect_hostname, entry.tls_server_name, entry.name
        )
        snapshot = client.identity(until)
    except (AgentError, WrongHostError, ValueError) as error:
        row.reachable = isinstance(error, WrongHostError)
        row.error = str(error)
        return row
    row.reachable = True
    row.agent_version = snapshot.agent_version
    row.hostname = snapshot.identity.hostname
    return row
