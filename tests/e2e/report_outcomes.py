"""Reports what became of the lab's migrations to the store that their checks were kept in."""

import os
import subprocess
from collections.abc import Iterable, Mapping

from agents import BIN
from play import Played

_OUTCOMES = {
    "migrated": "migrated",
    "refused": "refused",
    "failed midway": "failed",
    "guest broken": "broken",
}
_MAX_TEXT_CHARACTERS = 4000


def report_outcomes(results: Iterable[Played], causes: Mapping[str, str | None]) -> int:
    """Report all results that have a check id, to VMFIT_STORE; return how many.

    `causes` are the facts at fault by scenario, where they are known.
    """
    count = 0
    for played in results:
        check_id = played.answer.get("subject", {}).get("checkId")
        if not check_id or played.outcome not in _OUTCOMES:
            continue
        outcome = _OUTCOMES[played.outcome]
        words = [check_id, outcome, "--text", played.text[:_MAX_TEXT_CHARACTERS]]
        cause = causes.get(played.id)
        if cause and outcome != "migrated" and _is_to_blame(cause, played):
            words += ["--cause", cause]
        done = subprocess.run(
            [str(BIN / "vmfit"), "outcome", *words],
            env=os.environ,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        if done.returncode:
            print(f"{played.id}: not reported: {done.stderr.strip()}")
        count += not done.returncode
    return count


def _is_to_blame(cause: str, played: Played) -> bool:
    """Tell whether the named fact foresaw it, or none did: another may foresee the same cause."""
    findings = [each for each in played.answer["findings"] if not each.get("notApplicable")]
    foresaw = {
        each["fact"]
        for each in findings
        if each["answer"] in ("ANSWER_NO", "ANSWER_PROBABLY_NO")
        and each["consequence"] != "CONSEQUENCE_ADVISORY"
    }
    return cause in (foresaw or {each["fact"] for each in findings})
