"""Runs qemu-img on what a protocol's driver opens, and reads what it says."""

import json
import re

from vmfit.v1.probe_pb2 import DiskAnswer
from vmfit_agent.probes.bounded_program import Ended, run_program
from vmfit_agent.probes.image_options import driver_options
from vmfit_agent.probes.qemu_img import QEMU_IMG
from vmfit_agent.probes.qemu_user import QemuUser
from vmfit_agent.probes.terms import Terms
from vmfit_agent.probes.unanswerable import Unanswerable

_MISSING = re.compile(
    r"Unknown (?:driver|protocol)|[Dd]river '[^']*' (?:is not whitelisted|is not supported)"
)
_FAILURE = re.compile(r"^qemu-img: (?:Could not open )?(.*)$", re.MULTILINE)
_SHOWN_CHARACTERS = 500


class ImageProgram:
    """qemu-img, as a user who may be QEMU's."""

    def __init__(self, path: str, user: QemuUser | None, terms: Terms) -> None:
        self.path = path
        self.user = user
        self._terms = terms

    def open(self, options: str, seconds: float) -> DiskAnswer:
        """Open what the options say; raises TimeoutError, and Unanswerable when it is ended."""
        ended = self._run(options, seconds)
        return _opened(ended) if ended.status == 0 else _failed(ended, options)

    def missing_driver(self, protocol: str) -> DiskAnswer | None:
        """Return the answer for a protocol whose driver QEMU lacks, else None; nothing is opened.

        None too where that does not come out in the time.
        """
        options = driver_options(protocol)
        try:
            ended = self._run(options, self._terms.left())
            answer = _failed(ended, options) if ended.status else None
        except (TimeoutError, Unanswerable):
            return None
        return answer if answer is not None and answer.driver_missing else None

    def _run(self, options: str, seconds: float) -> Ended:
        command = [self.path, "info", "--output=json", "--force-share", "--image-opts", options]
        return run_program(command, self.user, seconds, self._terms.caller.is_gone)


def _opened(ended: Ended) -> DiskAnswer:
    answer = DiskAnswer(opens=True)
    try:
        size = json.loads(ended.output)["virtual-size"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return answer
    if isinstance(size, int) and 0 <= size < 1 << 63:
        answer.virtual_size_bytes = size
    return answer


def _failed(ended: Ended, options: str) -> DiskAnswer:
    if ended.status < 0:
        raise Unanswerable(f"{QEMU_IMG} was ended by signal {-ended.status}")
    text = ended.errors.decode(errors="replace")
    words = [line.replace(f"'{options}': ", "") for line in _FAILURE.findall(text)]
    # What a library of QEMU complains of on the way is not why.
    reason = next((line for line in reversed(words) if not line.startswith("GLib")), text)
    return DiskAnswer(
        reason=one_line(reason),
        driver_missing=_MISSING.search(text) is not None,
    )


def one_line(words: str) -> str:
    """Return one line for a terminal: part of it is what a stranger's server said."""
    line = " ".join(words.split())[:_SHOWN_CHARACTERS]
    return "".join(character if character.isprintable() else "\ufffd" for character in line)
