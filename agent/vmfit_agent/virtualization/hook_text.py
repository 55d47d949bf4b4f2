"""What the text of a hook script tells without running it: words, not logic."""

import re
from collections.abc import Callable
from functools import lru_cache

from vmfit.v1.host_pb2 import HookText

# virHookQemuOpType and its like: what libvirt calls a script with.
_OPERATIONS = (
    "start", "stopped", "prepare", "release", "migrate", "started", "reconnect", "attach",
    "restore", "plugged", "unplugged", "port-created", "port-deleted", "updated",
)  # fmt: skip
# A word of its own: neither "restart" nor "/run/prepare.log" nor "--start".
_OPERATION = re.compile(rf"(?<![\w./-])({'|'.join(_OPERATIONS)})(?![\w./-])")
_COMMENT = re.compile(r"(?:^|(?<=\s))#.*$", re.MULTILINE)
# exit 1, sys.exit("why"), os._exit(2), die, raise, set -e, #!/bin/sh -e, kill -9 $$
_FAILURE = re.compile(
    r"\bexit\s+(?!0\b)[\d$\"(]|exit\((?!\s*(?:0|None)?\s*\))|\b(?:die|raise|assert)\b"
    r"|^\s*set\s+(?:-[a-z]*e|-o\s+errexit)|\A#!.*\s-[a-z]*e|\bkill\b.{0,200}?(?:\$\$|getpid)",
    re.MULTILINE,
)
# The status of a script is that of its last command.
_TEST = re.compile(r"^(?:\[|test\b|grep\b|false\b|exit$)|&&|\|\||\|\s*grep\b")
_FILTER = re.compile(
    r"\b(?:sed|awk|perl|cat|tee|xmllint|xsltproc|xmlstarlet|stdin|tr)\b|/dev/stdin|<STDIN>"
)
_OUTPUT = re.compile(r"^(?:.*(?:;|&&|\|\||\bthen|\bdo|\)|\{)\s*)?(?:echo|printf|print|puts)\b")
# Into a file, another command, or the other stream; for whole blocks too.
_ELSEWHERE = re.compile(r">|\||\bfile\s*=|\blogger\b")
_ALL_ELSEWHERE = re.compile(r"^\s*exec\s.*>|^\s*(?:\}|\)|done|fi|esac)\s*[12&]?>", re.MULTILINE)
# What a script is judged by, and the words of shells and languages around it.
_WORDS = """
assert case deleted done echo elif else errexit esac exec exit false file from function getpid
grep import kill local logger None null perl port created print printf puts python python3
raise return self shift stdin STDIN test then true until while xmllint xmlstarlet xsltproc
"""
_KEPT = frozenset((*_WORDS.split(), *_OPERATIONS))
_WORD = re.compile(r"[0-9A-Za-z]+")


def masked_hook_text(text: str, pseudonym: Callable[[str], str]) -> str:
    """Return a script with other words for what tells of the site; it reads the same as before.

    The first line stays, and so do short words; of scripts that are the same, so are the masked.
    """
    first, newline, rest = text.partition("\n")
    return first + newline + _WORD.sub(lambda match: _masked(match[0], pseudonym), rest)


def _masked(word: str, pseudonym: Callable[[str], str]) -> str:
    # Options ("-eu"), and statuses.
    short = len(word) <= 3 if word.isalpha() else len(word) == 1
    return word if short or word in _KEPT else pseudonym(word)


@lru_cache(maxsize=32)
def read_hook_text(text: str) -> HookText:
    """Return what a script's text looks like it does, not to be changed; comments do not count.

    Source: libvirt's hooks for specific system management.
    """
    code = _COMMENT.sub("", text)
    lines = [line.strip() for line in code.splitlines() if line.strip()]
    filters = bool(_FILTER.search(code))
    prints = not _ALL_ELSEWHERE.search(code) and any(
        _OUTPUT.search(line) and not _ELSEWHERE.search(line) for line in lines
    )
    return HookText(
        operations=sorted(set(_OPERATION.findall(code))),
        may_fail=bool(
            _FAILURE.search(code)
            or _FAILURE.match(text.partition("\n")[0])
            or (lines and _TEST.search(lines[-1]))
        ),
        reads_definition=filters,
        prints=prints and not filters,
    )
