"""A probe in one line for the log: what is asked of which place, never a nonce or a query."""

from vmfit.v1.probe_pb2 import Probe
from vmfit.v1.vm_pb2 import StorageSource

_SHOWN_CHARACTERS = 300


def describe_probe(probe: Probe) -> str:
    """Return the kind and the place of a valid probe."""
    match probe.WhichOneof("question"):
        case "resolve_name":
            return f"resolve {_shown(probe.resolve_name.name)}"
        case "open_listener":
            asked = probe.open_listener
            ports = f"{asked.first_port}-{asked.last_port}"
            return f"listen on {_shown(asked.address or '*')} ports {ports} for {asked.seconds:g} s"
        case "connect_port":
            return f"connect to {_shown(probe.connect_port.host)} port {probe.connect_port.port}"
        case "open_disk":
            return f"open {_shown(_disk(probe.open_disk.source))}"
        case "access_path":
            verb = "write" if probe.access_path.write else "read"
            return f"access to {verb} {_shown(probe.access_path.path)}"
        case "hash_blocks":
            asked_blocks = probe.hash_blocks
            count = len(asked_blocks.offsets)
            return f"hash {count} blocks of {_shown(asked_blocks.path)}"
        case "measure_dirty_rate":
            measured = probe.measure_dirty_rate
            return f"dirty rate of domain {_shown(measured.uuid)} in {measured.period_seconds} s"
        case "read_definition":
            return f"what libvirt makes of a definition of {len(probe.read_definition.xml)} letters"
        case _:
            return "nothing"


def shown_name(name: str) -> str:
    """Return a caller's name in one line."""
    short = name if len(name) <= _SHOWN_CHARACTERS else name[:_SHOWN_CHARACTERS] + "…"
    return "".join(character if character.isprintable() else "\ufffd" for character in short)


def _disk(source: StorageSource) -> str:
    places = [host.socket or f"{host.name}:{host.port or ''}".rstrip(":") for host in source.hosts]
    # A URL's query may hold a token.
    name = source.name.partition("?")[0]
    return f"{source.protocol} {name} at {','.join(places) or 'the default place'}"


def _shown(text: str) -> str:
    return repr(text if len(text) <= _SHOWN_CHARACTERS else text[:_SHOWN_CHARACTERS] + "…")
