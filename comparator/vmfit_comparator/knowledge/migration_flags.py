"""Combinations of migration flags that libvirt's QEMU driver refuses, whatever the hosts are.

Source: libvirt qemuMigrationSrcBeginPhase, qemuMigrationDstPrepareDirect and
qemuMigrationParamsFromFlags, virDomainMigrate3; QEMU migrate_caps_check.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit

from vmfit.v1.finding_pb2 import Remedy
from vmfit.v1.migration_pb2 import MigrationOptions, StorageCopy
from vmfit_comparator.evaluation.remedies import add_option, drop_option

_SCHEMES = ("tcp", "rdma", "unix")


@dataclass(frozen=True, slots=True)
class Conflict:
    """Flags that cannot go together."""

    reason: str
    holds: Callable[[MigrationOptions], bool]
    remedy: Remedy


def conflicts(options: MigrationOptions) -> Iterator[Conflict]:
    """Yield what is wrong with the flags."""
    return (each for each in (*_TRANSPORT, *_MODES, *_TUNING, *_OFFLINE) if each.holds(options))


def _copies(options: MigrationOptions) -> bool:
    return options.storage_copy != StorageCopy.STORAGE_COPY_UNSPECIFIED


def _bad_scheme(options: MigrationOptions) -> bool:
    if not options.migration_uri:
        return False
    uri = urlsplit(options.migration_uri)
    # Old clients write "tcp:host" without slashes; no other scheme may.
    short = options.migration_uri.startswith("tcp:")
    return uri.scheme not in _SCHEMES or not (uri.netloc or uri.path.startswith("/") or short)


# What QEMU's migrate-set-parameters takes: the least and the most.
_COMPRESSION_RANGES = {
    "mt-level": (0, 9),
    "mt-threads": (1, 255),
    "mt-dthreads": (1, 255),
    "zlib-level": (0, 9),
    "zstd-level": (0, 20),
}
_LEAST_CACHE_BYTES = 4096


def _out_of_range(options: MigrationOptions) -> bool:
    settings = options.compression_settings
    cache = settings.get("xbzrle-cache", _LEAST_CACHE_BYTES)
    if cache < _LEAST_CACHE_BYTES or cache.bit_count() != 1:
        return True
    return any(
        not least <= settings[name] <= most
        for name, (least, most) in _COMPRESSION_RANGES.items()
        if name in settings
    )


_TRANSPORT = (
    Conflict(
        "QEMU migrates with --direct only under --p2p",
        lambda options: options.direct and not options.peer_to_peer,
        drop_option("--direct", "it is for other hypervisors"),
    ),
    Conflict(
        "a tunnelled migration must be peer-to-peer",
        lambda options: options.tunnelled and not options.peer_to_peer,
        add_option("--p2p", "the hosts' libvirt daemons make the tunnel"),
    ),
    Conflict(
        "a tunnel takes no parallel connections",
        lambda options: options.tunnelled and options.parallel,
        drop_option("--tunnelled", "--tls encrypts as well"),
    ),
    Conflict(
        "QEMU does no TLS through a tunnel, which libvirt encrypts itself",
        lambda options: options.tunnelled and options.tls,
        drop_option("--tunnelled", "--tls encrypts as well"),
    ),
    Conflict(
        "post-copy does not go through a tunnel",
        lambda options: options.tunnelled and options.post_copy,
        drop_option("--tunnelled", "--tls encrypts as well"),
    ),
    Conflict(
        "a tunnel takes neither a migration URI nor a listen address",
        lambda options: options.tunnelled and bool(options.migration_uri or options.listen_address),
        drop_option("--migrateuri and --listen-address", "data goes where libvirt is connected"),
    ),
    Conflict(
        f"the migration URI is none of {', '.join(_SCHEMES)}",
        _bad_scheme,
        add_option("--migrateuri tcp://HOST", "a scheme and a host are needed"),
    ),
)
_MODES = (
    Conflict(
        "post-copy needs --live",
        lambda options: options.post_copy and not options.live,
        add_option("--live", "a guest that stands still is not copied after it moved"),
    ),
    Conflict(
        "post-copy does not go with --suspend",
        lambda options: options.post_copy and options.suspend,
        drop_option("--suspend", "a guest that stands still is not copied after it moved"),
    ),
    Conflict(
        "zero-copy needs parallel connections",
        lambda options: options.zero_copy and not options.parallel,
        add_option("--parallel", "zero-copy is made for these connections"),
    ),
    Conflict(
        "zero-copy sends pages as they are: neither encrypted nor compressed",
        lambda options: (
            options.zero_copy
            and (options.tls or options.compressed or bool(options.compression_methods))
        ),
        drop_option("--zerocopy", "or leave out encryption and compression"),
    ),
    Conflict(
        "compression by threads (mt) does not work over parallel connections",
        lambda options: options.parallel and "mt" in options.compression_methods,
        drop_option("--comp-methods mt", "or --parallel"),
    ),
)
_TUNING = (
    Conflict(
        "a compression method is tuned that --comp-methods does not name",
        lambda options: (
            not set(options.compression_methods).issuperset(options.tuned_compression_methods)
        ),
        add_option("--comp-methods", "with the method that is tuned"),
    ),
    Conflict(
        "QEMU takes levels of 0 to 9 (zstd: 20), 1 to 255 threads, and a cache of a power of two "
        "from 4096 bytes",
        _out_of_range,
        drop_option("--comp-mt-*, --comp-*-level, --comp-xbzrle-cache", "the defaults will do"),
    ),
    Conflict(
        "--parallel-connections tunes what is not on",
        lambda options: options.HasField("parallel_connections") and not options.parallel,
        add_option("--parallel", "--parallel-connections tunes it"),
    ),
    Conflict(
        "QEMU takes 1 to 255 parallel connections",
        lambda options: (
            options.HasField("parallel_connections")
            and not 1 <= options.parallel_connections <= 255
        ),
        drop_option("--parallel-connections", "two are the default"),
    ),
    Conflict(
        "--auto-converge-initial and --auto-converge-increment tune what is not on",
        lambda options: (
            not options.auto_converge
            and (
                options.HasField("auto_converge_initial_percent")
                or options.HasField("auto_converge_increment_percent")
            )
        ),
        add_option("--auto-converge", "its settings do nothing without it"),
    ),
    Conflict(
        "auto-converge throttles by 1 to 99 %",
        lambda options: any(
            options.HasField(field) and not 1 <= getattr(options, field) <= 99
            for field in ("auto_converge_initial_percent", "auto_converge_increment_percent")
        ),
        drop_option("--auto-converge-initial and --auto-converge-increment", "or stay in range"),
    ),
    Conflict(
        "--copy-storage-synchronous-writes is about a copy that is not asked for",
        lambda options: options.storage_copy_synchronous_writes and not _copies(options),
        drop_option("--copy-storage-synchronous-writes", "or add --copy-storage-all"),
    ),
)
_OFFLINE = (
    Conflict(
        "an offline migration copies no disks",
        lambda options: options.offline and _copies(options),
        drop_option("--copy-storage-all", "copy the images by other means"),
    ),
    Conflict(
        "an offline migration needs --persistent",
        lambda options: options.offline and not options.persistent,
        add_option("--persistent", "it does nothing but define the VM there"),
    ),
    Conflict(
        "an offline migration needs no tunnel, and libvirt refuses one",
        lambda options: options.offline and options.tunnelled,
        drop_option("--tunnelled", "there is nothing to send"),
    ),
)
