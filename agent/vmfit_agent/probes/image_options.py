"""A network disk as QEMU's block options, as libvirt would name it."""

from collections.abc import Callable, Mapping
from urllib.parse import quote

from vmfit.v1.vm_pb2 import NetworkHost, StorageSource
from vmfit_agent.probes.disk_places import plain_name, port_of
from vmfit_agent.probes.unanswerable import Unanswerable

Options = list[tuple[str, str]]

# Of a URL's path: what may stand as it is.
_URL_SAFE = "/:@!$&'()*+,;=~-._"


def image_options(source: StorageSource) -> str:
    """Return the options in the form of `qemu-img --image-opts`: a protocol node, never a format.

    Without a format QEMU does not look into the image, so that nothing in it is followed.
    Raises Unanswerable for a protocol or a place that cannot be asked without more.
    Source: QEMU's BlockdevOptions; libvirt's defaults for ports.
    """
    make = _MAKERS.get(source.protocol)
    if make is None:
        raise Unanswerable(f"{source.protocol} disks cannot be asked for")
    if source.tls:
        raise Unanswerable(f"{source.protocol} over TLS needs certificates that are not asked with")
    return _joined(make(source))


def driver_options(protocol: str) -> str:
    """Return options that open nothing, and tell whether QEMU has the protocol's driver."""
    return _joined([("driver", protocol)])


def url_path(name: str) -> str:
    """Return a disk's name as the path of a URL, without the first slash."""
    return quote(name.removeprefix("/"), _URL_SAFE)


def _joined(options: Options) -> str:
    # Options are separated by commas; one in a value is doubled.
    return ",".join(f"{key}={value.replace(',', ',,')}" for key, value in options)


def _nbd(source: StorageSource) -> Options:
    return [("driver", "nbd"), *_server("server", source), ("export", source.name)]


def _iscsi(source: StorageSource) -> Options:
    target, _, unit = source.name.partition("/")
    options = [
        ("driver", "iscsi"),
        ("transport", "tcp"),
        ("portal", _location(source)),
        ("target", target),
        ("lun", unit or "0"),
    ]
    if source.initiator_name:
        options.append(("initiator-name", source.initiator_name))
    return options


def _rbd(source: StorageSource) -> Options:
    place, _, snapshot = source.name.partition("@")
    pool, *namespace, image = place.split("/") if "/" in place else (place, "")
    options = [("driver", "rbd"), ("pool", pool), ("image", image)]
    options += [("namespace", "/".join(namespace))] if namespace else []
    options += [("snapshot", snapshot)] if snapshot else []
    for index, host in enumerate(source.hosts):
        options.append((f"server.{index}.host", plain_name(host)))
        options.append((f"server.{index}.port", str(port_of(host, source.protocol))))
    return options


def _ftp(source: StorageSource) -> Options:
    return [("driver", "ftp"), ("url", f"ftp://{_location(source)}/{url_path(source.name)}")]


def _gluster(source: StorageSource) -> Options:
    volume, _, path = source.name.partition("/")
    options = [("driver", "gluster"), ("volume", volume), ("path", path)]
    for index, host in enumerate(source.hosts):
        options += _address(f"server.{index}", host, source.protocol)
    return options


def _nfs(source: StorageSource) -> Options:
    return [
        ("driver", "nfs"),
        ("server.type", "inet"),
        ("server.host", plain_name(_host(source))),
        ("path", source.name),
    ]


def _sheepdog(source: StorageSource) -> Options:
    return [("driver", "sheepdog"), *_server("server", source), ("vdi", source.name)]


def _server(prefix: str, source: StorageSource) -> Options:
    return _address(prefix, _host(source), source.protocol)


def _address(prefix: str, host: NetworkHost, protocol: str) -> Options:
    if host.transport == "unix":
        return [(f"{prefix}.type", "unix"), (f"{prefix}.path", host.socket)]
    if host.transport not in ("", "tcp"):
        raise Unanswerable(f"transport {host.transport} cannot be asked for")
    return [
        (f"{prefix}.type", "inet"),
        (f"{prefix}.host", plain_name(host)),
        (f"{prefix}.port", str(port_of(host, protocol))),
    ]


def _host(source: StorageSource) -> NetworkHost:
    if not source.hosts:
        raise Unanswerable(f"the {source.protocol} disk names no host")
    return source.hosts[0]


def _location(source: StorageSource) -> str:
    host = _host(source)
    name, port = plain_name(host), port_of(host, source.protocol)
    return f"[{name}]:{port}" if ":" in name else f"{name}:{port}"


_MAKERS: Mapping[str, Callable[[StorageSource], Options]] = {
    "nbd": _nbd,
    "iscsi": _iscsi,
    "rbd": _rbd,
    "ftp": _ftp,
    "gluster": _gluster,
    "nfs": _nfs,
    "sheepdog": _sheepdog,
}
