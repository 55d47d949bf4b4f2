"""Which compression of a migration both sides can do.

Source: libvirt's qemuMigrationParamsSetCompression; QEMU's removed features for "compress".
"""

from collections.abc import Sequence

from vmfit.v1.migration_pb2 import MigrationOptions
from vmfit_comparator.evaluation.remedies import add_option, drop_option
from vmfit_comparator.evaluation.result import Result, no, no_idea
from vmfit_comparator.knowledge.option_versions import Versions

# libvirt compresses parallel connections by zlib or zstd, and only so, since this version.
_PARALLEL_COMPRESSION = 9_004_000
# QEMU can no longer compress by threads of its own.
_NO_THREADED_COMPRESSION = 9_001_000
_METHODS = ("mt", "xbzrle", "zlib", "zstd")
_DEFAULT = drop_option("--comp-methods", "--compressed takes what both know")


def compression(options: MigrationOptions, sides: Sequence[Versions]) -> Result | None:
    """Judge the compression that is asked for; None where nothing speaks against it."""
    methods = list(options.compression_methods)
    if not (options.compressed or methods):
        return None
    foreign = [each for each in methods if each not in _METHODS]
    if foreign:
        return no(f"no libvirt knows compression by {', '.join(foreign)}", remedies=[_DEFAULT])
    modern = [each for each in methods if each in {"zlib", "zstd"}]
    if modern and not options.parallel:
        why = "needs --parallel"
        return no(f"compression by {', '.join(modern)} {why}", remedies=[_DEFAULT])
    for each in sides if options.parallel and not modern else ():
        if not each.libvirt:
            missing = f"{each.side}.hypervisor.connections.libvirt_version"
            return no_idea("which compression libvirt knows is not known", missing=[missing])
        if each.libvirt >= _PARALLEL_COMPRESSION:
            remedy = add_option("--comp-methods zstd", "parallel connections compress so")
            return no(
                f"the {each.side}'s libvirt compresses parallel connections by zlib or zstd only",
                remedies=[remedy],
            )
    return _threaded(sides) if "mt" in methods else None


def _threaded(sides: Sequence[Versions]) -> Result | None:
    """Judge compression by threads, which new QEMUs lack."""
    for each in sides:
        if each.qemu >= _NO_THREADED_COMPRESSION:
            return no(f"the {each.side}'s QEMU cannot compress by threads", remedies=[_DEFAULT])
    return None
