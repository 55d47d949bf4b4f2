"""A network disk as QEMU's block options, as libvirt would name it."""

from collections.abc import Callable, Mapping
from urllib.parse import quote

from vmfit.v1.vm_pb2 import NetworkHost, StorageSource
from vmfit_agent.probes.unanswerable import Unanswerable

Options = list[tuple[str, str]]

_DEFAULT_PORTS = {"nbd": 10809, "iscsi": 3260, "gluster": 24007, "sheepdog": 7000}
_RBD_PORT = 6789
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
    if source.tls and source.protocol != "https":
        raise Unanswerable(f"{source.protocol} over TLS needs certificates that are not asked with")
    return _joined(make(source))


def driver_options(source: StorageSource) -> str:
    """Return options that open nothing, and tell whether QEMU has the protocol's driver."""
    return _joined([("driver", source.protocol)])


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
        ("portal", _location(source, _DEFAULT_PORTS["iscsi"])),
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
        options.append((f"server.{index}.host", _plain(host.name)))
        options.append((f"server.{index}.port", str(host.port or _RBD_PORT)))
    return options


def _curl(source: StorageSource) -> Options:
    path, question_mark, query = source.name.partition("?")
    url = f"{source.protocol}://{_location(source)}/{quote(path.removeprefix('/'), _URL_SAFE)}"
    return [("driver", source.protocol), ("url", url + question_mark + query)]


def _gluster(source: StorageSource) -> Options:
    volume, _, path = source.name.partition("/")
    options = [("driver", "gluster"), ("volume", volume), ("path", path)]
    for index, host in enumerate(source.hosts):
        options += _address(f"server.{index}", host, _DEFAULT_PORTS["gluster"])
    return options


def _nfs(source: StorageSource) -> Options:
    return [
        ("driver", "nfs"),
        ("server.type", "inet"),
        ("server.host", _plain(_host(source).name)),
        ("path", source.name),
    ]


def _sheepdog(source: StorageSource) -> Options:
    return [("driver", "sheepdog"), *_server("server", source), ("vdi", source.name)]


def _server(prefix: str, source: StorageSource) -> Options:
    return _address(prefix, _host(source), _DEFAULT_PORTS[source.protocol])


def _address(prefix: str, host: NetworkHost, port: int) -> Options:
    if host.transport == "unix":
        return [(f"{prefix}.type", "unix"), (f"{prefix}.path", host.socket)]
    if host.transport not in ("", "tcp"):
        raise Unanswerable(f"transport {host.transport} cannot be asked for")
    return [
        (f"{prefix}.type", "inet"),
        (f"{prefix}.host", _plain(host.name)),
        (f"{prefix}.port", str(host.port or port)),
    ]


def _host(source: StorageSource) -> NetworkHost:
    if not source.hosts:
        raise Unanswerable(f"the {source.protocol} disk names no host")
    return source.hosts[0]


def _location(source: StorageSource, default_port: int | None = None) -> str:
    host = _host(source)
    name, port = _plain(host.name), host.port or default_port
    return (f"[{name}]" if ":" in name else name) + (f":{port}" if port else "")


def _plain(name: str) -> str:
    return name.strip("[]")


_MAKERS: Mapping[str, Callable[[StorageSource], Options]] = {
    "nbd": _nbd,
    "iscsi": _iscsi,
    "rbd": _rbd,
    **dict.fromkeys(("http", "https", "ftp", "ftps"), _curl),
    "gluster": _gluster,
    "nfs": _nfs,
    "sheepdog": _sheepdog,
}
