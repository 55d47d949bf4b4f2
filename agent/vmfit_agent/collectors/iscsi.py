"""The iSCSI initiator: its name, its sessions, and the targets it has records of."""

import re
from collections.abc import Iterator

from vmfit.v1.storage_pb2 import Iscsi, IscsiNode, IscsiSession, IscsiSessionLun
from vmfit_agent.host import Host
from vmfit_agent.kernel_files.host_files import list_names, read_text
from vmfit_agent.kernel_files.sysfs import entry_names
from vmfit_agent.kernel_files.sysfs import read_text as read_attribute
from vmfit_agent.redaction.secret_names import BLANK, is_secret_name

_INITIATOR_NAME = "etc/iscsi/initiatorname.iscsi"
_NODE_DIRECTORIES = ("etc/iscsi/nodes", "var/lib/iscsi/nodes")
FILES = (
    _INITIATOR_NAME,
    *(f"{directory}/{depth}" for directory in _NODE_DIRECTORIES for depth in ("*/*", "*/*/*")),
    *(f"sys/class/iscsi_session/*/{name}" for name in ("targetname", "state", "initiatorname")),
    "sys/class/iscsi_session/*/device/target*/*/block/*/dev",
    "sys/class/iscsi_connection/*/persistent_address",
    "sys/class/iscsi_connection/*/persistent_port",
)
_SCSI_ADDRESS = re.compile(r"\d+:\d+:\d+:(\d+)")
# "192.0.2.10,3260,1": address, port and, in records of discovered targets, the portal group.
_PORTAL = re.compile(r"(?P<address>[^,]+),(?P<port>\d+)(?:,-?\d+)?")
_RECORD_LIMIT_BYTES = 1 << 20
_CREDENTIALS = tuple(
    f"node.session.auth.{name}" for name in ("username", "password", "username_in", "password_in")
)


def collect(host: Host) -> Iscsi:
    """Return the initiator with sessions and node records, each sorted by target and portal.

    A host without open-iscsi gives an empty part. Records that may not be read are known by their
    file names alone, with a warning. Passwords and user names are never part of it.
    Source: iscsid(8), /sys/class/iscsi_session.
    """
    sessions = list(_sessions(host))
    sessions.sort(key=lambda session: (session.target_name, session.portal))
    nodes = [node for directory in _NODE_DIRECTORIES for node in _nodes(host, directory)]
    nodes.sort(key=lambda node: (node.target_name, node.portal, node.interface))
    return Iscsi(
        initiator_name=parse_initiator_name(read_text(host, _INITIATOR_NAME) or ""),
        sessions=sessions,
        nodes=nodes,
    )


def parse_initiator_name(text: str) -> str | None:
    """Return the first InitiatorName= of the file that is no comment; None without one."""
    for line in text.splitlines():
        key, equals, value = line.partition("=")
        if equals and key.strip() == "InitiatorName" and value.strip():
            return value.strip()
    return None


def parse_record(text: str) -> dict[str, str]:
    """Return a record's settings; those that are not set ("<empty>") are left out."""
    settings = {}
    for line in text.splitlines():
        key, equals, value = line.partition("=")
        if equals and not key.startswith("#") and value.strip() not in ("", "<empty>"):
            settings[key.strip()] = value.strip()
    return settings


def record_without_secrets(text: str) -> str:
    """Return a record's settings; of the credentials that are set only that they are."""
    lines = []
    for line in text.splitlines():
        key, equals, value = line.partition("=")
        if not equals or key.startswith("#"):
            continue
        is_set = value.strip() not in ("", "<empty>")
        is_secret = key.strip() in _CREDENTIALS or ".auth." in key or is_secret_name(key)
        if is_set and is_secret and not key.strip().endswith(("authmethod", "chap_algs")):
            value = f" {BLANK}"
        lines.append(f"{key.rstrip()} = {value.strip()}\n")
    return "".join(lines)


def portal_name(address: str, port: str) -> str:
    """Return "192.0.2.10:3260", an IPv6 address in brackets."""
    address = address.strip("[]")
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


def _sessions(host: Host) -> Iterator[IscsiSession]:
    base = f"{host.root}/sys/class/iscsi_session"
    for name in entry_names(base):
        target_name = read_attribute(f"{base}/{name}/targetname")
        if target_name is None:
            host.warn(f"iSCSI {name}: no target name")
            continue
        yield IscsiSession(
            target_name=target_name,
            portal=_session_portal(host, name.removeprefix("session")),
            state=read_attribute(f"{base}/{name}/state") or "",
            initiator_name=read_attribute(f"{base}/{name}/initiatorname"),
            luns=sorted(_luns(f"{base}/{name}/device"), key=lambda lun: lun.lun),
        )


def _session_portal(host: Host, session_id: str) -> str:
    base = f"{host.root}/sys/class/iscsi_connection"
    for connection in entry_names(base):
        if connection.startswith(f"connection{session_id}:"):
            path = f"{base}/{connection}"
            address = read_attribute(f"{path}/persistent_address")
            port = read_attribute(f"{path}/persistent_port")
            if address is not None and port is not None:
                return portal_name(address, port)
    return ""


def _luns(session: str) -> Iterator[IscsiSessionLun]:
    for target in entry_names(session):
        if not target.startswith("target"):
            continue
        for unit in entry_names(f"{session}/{target}"):
            address = _SCSI_ADDRESS.fullmatch(unit)
            if address is not None:
                devices = entry_names(f"{session}/{target}/{unit}/block")
                device = devices[0].replace("!", "/") if devices else None
                yield IscsiSessionLun(lun=int(address[1]), device=device)


def _nodes(host: Host, directory: str) -> Iterator[IscsiNode]:
    for target_name in list_names(host, directory):
        for portal in list_names(host, f"{directory}/{target_name}"):
            match = _PORTAL.fullmatch(portal)
            if match is None:
                continue
            path = f"{directory}/{target_name}/{portal}"
            named = portal_name(match["address"], match["port"])
            # One record per interface; before open-iscsi 2.0-870 the portal was the record.
            records = [f"{path}/{name}" for name in entry_names(f"{host.root}/{path}")] or [path]
            for record in records:
                yield _node(host, record, target_name, named)


def _node(host: Host, path: str, target_name: str, portal: str) -> IscsiNode:
    settings = parse_record(read_text(host, path, limit=_RECORD_LIMIT_BYTES) or "")
    return IscsiNode(
        target_name=target_name,
        portal=portal,
        startup=settings.get("node.startup"),
        auth_method=settings.get("node.session.auth.authmethod"),
        credentials_set=any(key in settings for key in _CREDENTIALS),
        interface=settings.get("iface.iscsi_ifacename"),
    )
