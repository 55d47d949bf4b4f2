"""Write docs/compared.md from what `reality.py --peers --json FILE` measured: compared.py FILE."""

import json
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from other_lab import PREFIX
from play import Played
from scoreboard import answer_of

_DOCUMENT = Path(__file__).parents[2] / "docs/compared.md"

Means = Callable[[Played], bool | None]
"""Whether something says that the guest can migrate; None when it says nothing."""


def _peer(name: str) -> Means:
    return lambda played: played.peers.get(name, {}).get("goes")


def _refusal(played: Played) -> bool | None:
    """What libvirt says before it starts QEMU on the destination: one learns it by migrating."""
    return played.stage not in ("source", "before QEMU")


def _vmfit(played: Played) -> bool | None:
    answer = answer_of(played)
    return None if answer in ("NO_IDEA", "none") else answer.endswith("YES")


MEANS: Mapping[str, Means] = {
    "cpu-compare": _peer("cpu-compare"),
    "hypervisor-cpu-compare": _peer("hypervisor-cpu-compare"),
    "refused before QEMU": _refusal,
    "node check": _peer("node check"),
    "nova": _peer("nova"),
    "vmfit": _vmfit,
}

_INTRODUCTION = """# Compared

What vmfit answers, beside what else can be asked before a live migration, and beside the real
outcome. Everything here was measured, on two libvirt hosts in namespaces of one machine
({versions}; QEMU emulates, except in the scenarios called kvm), scenario by scenario, just before
the real migration.
Written by `tests/e2e/compared.py` from what `make reality REALITY="--peers --json FILE"` found.

- **cpu-compare**: `virsh cpu-compare` on the destination, with the guest's live CPU. It compares
  with the destination's physical CPU, which an emulated guest does not use.
- **hypervisor-cpu-compare**: `virsh hypervisor-cpu-compare` there, with the same CPU and the
  guest's domain type.
- **refused before QEMU**: whether libvirt itself refuses before it starts QEMU on the destination.
  It is no check that can be asked: one learns it by migrating.
- **node check**: what a cluster of nodes checks in the manner of Proxmox VE, written for this
  comparison (`tests/e2e/node_check.py` says exactly what): the destination is online, each disk's
  storage is available there, local disks and local resources, jobs. It is not Proxmox's code.
- **nova**: the code of nova {nova}: `LiveMigrationTask`'s checks, then `LibvirtDriver`'s
  `check_can_live_migrate_destination` and `check_can_live_migrate_source` with real connections
  to the libvirt of both hosts (`tests/e2e/nova_checks.py`). Its database, Placement, Neutron and
  Cinder are faked, and scheduler filters are not run, because they judge flavors and traits. Nova
  compares no CPUs for emulated guests, by design.
- **vmfit**: the verdict of `vmfit check`. YES and PROBABLY_YES count as yes.

Only vmfit, and the migration itself, look at everything; the others do not claim to: the CPU
comparisons speak of the CPU alone. A blank cell means that nothing could be asked. A guest that
does not start on the source at all is asked of vmfit alone, by its XML. "Wrong yes" counts
migrations that it would have let begin and that were refused, failed or broke the guest; "wrong
no" those that it would have prevented and that worked.
"""


def main() -> int:
    """Write the document."""
    path, versions, nova = sys.argv[1:]
    results = [Played(**each) for each in json.loads(Path(path).read_text())]
    text = "\n".join(_document(results, versions=versions, nova=nova))
    _DOCUMENT.write_text(text)
    return 0


def _document(results: Sequence[Played], **words: str) -> Iterable[str]:
    yield _INTRODUCTION.format(**words)
    yield "## In all\n"
    yield "| asked | of | wrong yes | wrong no | right |\n|---|---|---|---|---|"
    for name, means in MEANS.items():
        told = [(means(each), each.outcome == "migrated") for each in results]
        asked = [(said, was) for said, was in told if said is not None]
        wrong_yes = sum(said and not was for said, was in asked)
        wrong_no = sum(was and not said for said, was in asked)
        right = len(asked) - wrong_yes - wrong_no
        yield f"| {name} | {len(asked)} | {wrong_yes} | {wrong_no} | {right} |"
    own = [each for each in results if not each.id.startswith(PREFIX)]
    other = [each for each in results if each.id.startswith(PREFIX)]
    yield "\n## Scenarios of this project\n"
    yield "`tests/e2e/scenarios/`. A wrong answer is in bold.\n"
    yield from _table(own)
    if other:
        yield "\n## Scenarios of another lab\n"
        yield "Written by others, with their own guest and tools; the names are theirs.\n"
        yield from _table(other)
    yield "\n## What they said\n"
    for played in results:
        yield from _words(played)


def _table(results: Sequence[Played]) -> Iterable[str]:
    yield f"| scenario | outcome | stage | {' | '.join(MEANS)} |"
    yield "|---" * (3 + len(MEANS)) + "|"
    for played in results:
        cells = [_cell(name, means, played) for name, means in MEANS.items()]
        yield f"| {played.id} | {played.outcome} | {played.stage} | {' | '.join(cells)} |"


def _cell(name: str, means: Means, played: Played) -> str:
    said = means(played)
    if said is None:
        return "NO_IDEA" if name == "vmfit" else ""
    text = answer_of(played) if name == "vmfit" else ("yes" if said else "no")
    return text if said == (played.outcome == "migrated") else f"**{text}**"


def _words(played: Played) -> Iterable[str]:
    """Yield the reasons against, where anything speaks against it."""
    lines = [
        f"- {name}: {_one_line(answer['says'])}"
        for name, answer in played.peers.items()
        if name in ("node check", "nova") and answer.get("goes") is False
    ]
    verdict: Mapping[str, Any] = played.answer.get("verdict", {})
    if lines or played.text or played.outcome != "migrated":
        yield f"**{played.id}**\n"
        yield from lines
        yield f"- vmfit: {_one_line(verdict.get('summary', played.error))}"
        yield f"- {played.outcome}: {_one_line(played.text or 'the guest lives on')}\n"


def _one_line(text: str, limit: int = 300) -> str:
    line = " ".join(text.replace("|", "/").split())
    return line if len(line) <= limit else f"{line[:limit]}..."


if __name__ == "__main__":
    sys.exit(main())
