"""Words of domain XML by the libvirt that brought them, and what an older one makes of them.

A feature or a choice that libvirt does not know it refuses. Elements and attributes that it does
not know it drops without a word: the guest arrives without what they stand for.

Source: "Since" in libvirt's formatdomain; the schemas domaincommon.rng of libvirt 9.0 and 11.3
beside each other; migrations between these two.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from fnmatch import fnmatchcase


class Fate(Enum):
    """What becomes of a word at a libvirt that does not know it."""

    REFUSED = "is refused"
    BREAKS = "is dropped, and the guest's state does not fit what is left"
    LOST = "is dropped"


@dataclass(frozen=True, slots=True)
class NewWord:
    """A word, as the contract's definition_words spell it; "*" stands for any text."""

    pattern: str
    since: int
    """As libvirt numbers its versions."""
    fate: Fate


def unknown_words(words: Iterable[str], libvirt: int) -> list[tuple[str, NewWord]]:
    """Return the words that a libvirt of this version does not know, in their order."""
    newer = [each for each in NEW_WORDS if libvirt < each.since]
    return [
        (word, each)
        for word in words
        for each in newer
        if word == each.pattern or ("*" in each.pattern and fnmatchcase(word, each.pattern))
    ]


def _new(version: int, fate: Fate, *patterns: str) -> tuple[NewWord, ...]:
    return tuple(NewWord(each, version, fate) for each in patterns)


_REFUSED, _BREAKS, _LOST = Fate.REFUSED, Fate.BREAKS, Fate.LOST
NEW_WORDS = (
    *_new(8_000_000, _REFUSED, "features/tcg", "features/kvm/dirty-ring"),
    *_new(8_003_000, _REFUSED, "devices/iommu/@model=virtio"),
    *_new(8_004_000, _REFUSED, "devices/graphics/@type=dbus"),
    *_new(8_010_000, _REFUSED, "devices/memory/@model=sgx-epc"),
    *_new(8_005_000, _LOST, "iothreadids/iothread/@thread_pool_*", "defaultiothread"),
    *_new(9_000_000, _BREAKS, "devices/crypto"),
    *_new(9_001_000, _REFUSED, "devices/panic/@model=pvpanic", "devices/watchdog/@model=itco"),
    *_new(9_002_000, _BREAKS, "os/nvram/@format=qcow2", "os/loader/@format=qcow2"),
    *_new(9_003_000, _LOST, "cpu/maxphysaddr/@limit"),
    *_new(9_004_000, _LOST, "iothreadids/iothread/poll", "devices/memory/target/address"),
    *_new(9_005_000, _LOST, "devices/disk/driver/@discard_no_unref"),
    *_new(9_006_000, _REFUSED, "features/async-teardown"),
    *_new(9_008_000, _REFUSED, "devices/disk/@type=vhostvdpa", "devices/disk/*@protocol=ssh"),
    *_new(9_010_000, _REFUSED, "devices/audio/@type=pipewire"),
    *_new(10_000_000, _LOST, "devices/disk/driver/iothreads", "devices/filesystem/idmap"),
    *_new(10_000_000, _LOST, "devices/hostdev/driver/@model", "devices/interface/driver/@model"),
    *_new(10_001_000, _REFUSED, "os/type/@arch=loongarch64"),
    *_new(10_001_000, _LOST, "cpu/topology/@clusters", "devices/memory/target/@dynamicMemslots"),
    *_new(10_004_000, _REFUSED, "devices/sound/@model=virtio", "features/ras"),
    *_new(10_005_000, _REFUSED, "launchSecurity/@type=sev-snp"),
    *_new(10_005_000, _LOST, "devices/video/model/@blob"),
    *_new(10_006_000, _LOST, "devices/filesystem/binary/openfiles"),
    *_new(10_007_000, _REFUSED, "features/ps2", "features/hyperv/emsr_bitmap"),
    *_new(10_007_000, _REFUSED, "features/hyperv/xmm_input"),
    *_new(10_007_000, _BREAKS, "devices/pstore"),
    *_new(10_007_000, _LOST, "devices/iommu/driver/@dma_translation"),
    *_new(10_010_000, _LOST, "devices/tpm/backend/profile", "devices/tpm/backend/@debug"),
    *_new(10_010_000, _LOST, "devices/*/source/dataStore", "os/nvram/@templateFormat"),
    *_new(11_000_000, _LOST, "features/hyperv/tlbflush/direct"),
    *_new(11_000_000, _LOST, "features/hyperv/tlbflush/extended"),
    *_new(11_001_000, _REFUSED, "features/aia"),
    *_new(11_002_000, _LOST, "throttlegroups", "devices/disk/throttlefilters"),
    *_new(11_002_000, _LOST, "devices/controller/driver/iothreads"),
    *_new(11_002_000, _REFUSED, "os/acpi/table/@type=raw*", "os/acpi/table/@type=msdm"),
)
