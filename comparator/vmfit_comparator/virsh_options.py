"""Reads the options of a migration as `virsh migrate` spells them.

Source: the manual page of virsh, versions 9 to 11, and virsh's own rules: options are never
abbreviated, may come once, take their value as the next word or after "=", and what is no option
fills domain, desturi, migrateuri, graphicsuri, listen-address and dname in that order.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from vmfit.v1.migration_pb2 import MigrationOptions, StorageCopy
from vmfit_contract.spelling import did_you_mean

ReadFile = Callable[[str], str]
"""Returns the text of a file that an option names."""

_MIB = 1024 * 1024
_POSITIONS = ("domain", "desturi", "migrateuri", "graphicsuri", "listen-address", "dname")
_FLAGS = {
    "live": "live",
    "offline": "offline",
    "p2p": "peer_to_peer",
    "direct": "direct",
    "tunnelled": "tunnelled",
    "persistent": "persistent",
    "undefinesource": "undefine_source",
    "suspend": "suspend",
    "copy-storage-all": "storage_copy",
    "copy-storage-inc": "storage_copy",
    "copy-storage-synchronous-writes": "storage_copy_synchronous_writes",
    "change-protection": "change_protection",
    "unsafe": "unsafe",
    # What has no field only changes what virsh prints, or how the stream is tuned.
    "verbose": None,
    "compressed": "compressed",
    "auto-converge": "auto_converge",
    "rdma-pin-all": "rdma_pin_all",
    "abort-on-error": "abort_on_error",
    "postcopy": "post_copy",
    "postcopy-after-precopy": "post_copy_after_precopy",
    "postcopy-resume": "post_copy_resume",
    "zerocopy": "zero_copy",
    "timeout-suspend": "timeout_action",
    "timeout-postcopy": "timeout_action",
    "tls": "tls",
    "parallel": "parallel",
}
_TEXTS = {
    "domain": None,
    "desturi": "destination_uri",
    "migrateuri": "migration_uri",
    "graphicsuri": "graphics_uri",
    "listen-address": "listen_address",
    "dname": "destination_name",
    "disks-uri": "disks_uri",
    "tls-destination": "tls_destination",
}
_LISTS = {
    "migrate-disks": "copied_disks",
    "migrate-disks-detect-zeroes": "detect_zeroes_disks",
    "comp-methods": "compression_methods",
}
_FILES = {"xml": "destination_xml", "persistent-xml": "persistent_xml"}
_NUMBERS = {
    "timeout": "timeout_seconds",
    "disks-port": "disks_port",
    "auto-converge-initial": "auto_converge_initial_percent",
    "auto-converge-increment": "auto_converge_increment_percent",
    "parallel-connections": "parallel_connections",
}
# Compression methods by what tunes them.
_TUNED_METHODS = {
    "comp-mt-level": "mt",
    "comp-mt-threads": "mt",
    "comp-mt-dthreads": "mt",
    "comp-xbzrle-cache": "xbzrle",
    "comp-zlib-level": "zlib",
    "comp-zstd-level": "zstd",
}
_MIB_PER_SECOND = {
    "bandwidth": "bandwidth_bytes_per_second",
    "postcopy-bandwidth": "post_copy_bandwidth_bytes_per_second",
    "available-switchover-bandwidth": "switchover_bandwidth_bytes_per_second",
}
_FIXED_VALUES = {
    "copy-storage-all": StorageCopy.STORAGE_COPY_ALL,
    "copy-storage-inc": StorageCopy.STORAGE_COPY_INCREMENTAL,
    "timeout-suspend": "suspend",
    "timeout-postcopy": "postcopy",
}
_EXCLUSIVE = (("live", "offline"), ("timeout-suspend", "timeout-postcopy"))
_REQUIRES = (
    ("postcopy-after-precopy", "postcopy"),
    ("postcopy-resume", "postcopy"),
    ("timeout-postcopy", "postcopy"),
    ("timeout-suspend", "timeout"),
    ("timeout-postcopy", "timeout"),
    ("persistent-xml", "persistent"),
    ("tls-destination", "tls"),
)
_VALUED = {**_TEXTS, **_LISTS, **_FILES, **_NUMBERS, **_TUNED_METHODS, **_MIB_PER_SECOND}
_KNOWN = {**_FLAGS, **_VALUED}
SPELLINGS = [f"--{name}" for name in _KNOWN]
"""All options, as they are typed."""
# What may stand between "virsh" and "migrate": those with a value, and those without.
_GLOBAL_VALUED = {"-c", "--connect", "-d", "--debug", "-l", "--log", "-e", "--escape"} | {
    "-k", "--keepalive-interval", "-K", "--keepalive-count"
}  # fmt: skip
_GLOBAL_FLAGS = {"-q", "--quiet", "-r", "--readonly", "-t", "--timing"}
_NUMBER = re.compile(r"\+?(0[xX][0-9a-fA-F]+|[0-9]+)")
# More than any 64-bit number has.
_MOST_DIGITS = 24


class VirshOptionError(ValueError):
    """An option that virsh would not take; the message names it."""


@dataclass(frozen=True, slots=True)
class VirshCommand:
    """What the words of a `virsh migrate` command mean."""

    domain: str | None
    """As given there: a name, a UUID or an id; None when the command names none."""
    options: MigrationOptions


def parse_virsh_migrate(words: Sequence[str], read_file: ReadFile) -> VirshCommand:
    """Parse what follows `virsh migrate`; a pasted "virsh -c URI migrate" in front is skipped.

    `read_file` gives the content of --xml and --persistent-xml; what it raises passes through.
    Raises VirshOptionError.
    """
    given = _collect(_without_command(words))
    for one, other in _EXCLUSIVE:
        if one in given and other in given:
            raise VirshOptionError(f"options --{one} and --{other} are mutually exclusive")
    for option, required in _REQUIRES:
        if option in given and required not in given:
            raise VirshOptionError(f"option --{required} is required by option --{option}")
    if "timeout" in given and "live" not in given:
        raise VirshOptionError("option --live is required by option --timeout")
    options = MigrationOptions()
    for name, text in given.items():
        _set(options, name, text, read_file)
    # virsh gives the flag for all disks precedence over the incremental one.
    if "copy-storage-all" in given:
        options.storage_copy = StorageCopy.STORAGE_COPY_ALL
    return VirshCommand(given.get("domain"), options)


def _without_command(words: Sequence[str]) -> list[str]:
    rest = list(words)
    if rest[:1] and re.fullmatch(r"(?:.*/)?virsh", rest[0]):
        del rest[0]
        while rest and rest[0].startswith("-"):
            word = rest.pop(0)
            if word in _GLOBAL_VALUED and rest:
                del rest[0]
            elif word not in _GLOBAL_FLAGS and word.partition("=")[0] not in _GLOBAL_VALUED:
                raise VirshOptionError(f"unknown option {word} of virsh")
        if not rest or rest[0] != "migrate":
            raise VirshOptionError("only the command `virsh migrate` can be checked")
    if rest[:1] == ["migrate"]:
        del rest[0]
    return rest


def _collect(words: list[str]) -> dict[str, str]:
    """Return the options by name; flags with an empty text."""
    given: dict[str, str] = {}
    positional: list[str] = []
    rest = iter(words)
    for word in rest:
        if word == "--":
            positional += rest
        elif word.startswith("--"):
            name, equals, text = word[2:].partition("=")
            if name not in _KNOWN:
                hint = did_you_mean(f"--{name}", SPELLINGS)
                raise VirshOptionError(f"unknown option --{name}{hint}")
            if name in _FLAGS and equals:
                raise VirshOptionError(f"option --{name} takes no value")
            value = text if name in _FLAGS or equals else _next(rest, name)
            # Said twice alike is harmless: scripts join their flags from several places.
            if given.setdefault(name, value) != value:
                raise VirshOptionError(f"option --{name} is given twice, with different values")
        elif re.match(r"-[A-Za-z]", word):
            raise VirshOptionError(f"unknown option {word}{did_you_mean(word, SPELLINGS)}")
        else:
            positional.append(word)
    free = [name for name in _POSITIONS if name not in given]
    if len(positional) > len(free):
        raise VirshOptionError(f"unexpected word {positional[len(free)]!r}")
    return given | dict(zip(free, positional, strict=False))


def _next(rest: Iterator[str], name: str) -> str:
    value = next(rest, None)
    if value is None:
        raise VirshOptionError(f"option --{name} needs a value")
    return value


def _set(options: MigrationOptions, name: str, text: str, read_file: ReadFile) -> None:
    value: Any
    if name in _FLAGS:
        value = _FIXED_VALUES.get(name, True)
    elif name in _LISTS:
        getattr(options, _LISTS[name]).extend(filter(None, text.split(",")))
        return
    elif name in _FILES:
        value = read_file(text)
    elif name in _TUNED_METHODS:
        options.compression_settings[name.removeprefix("comp-")] = _number(name, text)
        _add_tuned(options, _TUNED_METHODS[name])
        return
    elif name in _NUMBERS:
        value = _number(name, text)
    elif name in _MIB_PER_SECOND:
        value = _number(name, text) * _MIB
    else:
        value = text
    field = _KNOWN[name]
    if field is not None:
        setattr(options, field, value)


def _add_tuned(options: MigrationOptions, method: str) -> None:
    if method not in options.tuned_compression_methods:
        options.tuned_compression_methods.append(method)


def _number(name: str, text: str) -> int:
    if not _NUMBER.fullmatch(text):
        raise VirshOptionError(f"option --{name}: {text!r} is not a number")
    if len(text) > _MOST_DIGITS:
        raise VirshOptionError(f"option --{name}: a number of {len(text)} digits is out of range")
    number = int(text, 16) if "x" in text.lower() else int(text)
    limit = 2**43 if name in _MIB_PER_SECOND else 2**31
    if number >= limit:
        raise VirshOptionError(f"option --{name}: {text} is out of range")
    return number
