"""What the text of a hook script tells without running it: words, not logic."""

import re
from functools import lru_cache
from hashlib import blake2b

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
and as assert awk bash bin case cat def deleted dev die do done echo elif else env errexit esac
exec exit false fi file for from function getpid grep if import in is kill local logger None not
null o or os perl port created print printf puts python python3 raise return run sed self set sh
shift stdin STDIN sys tee test then tr true try until usr while xmllint xmlstarlet xsltproc
"""
_KEPT = frozenset((*_WORDS.split(), *_OPERATIONS))
_WORD = re.compile(r"[^\W_]+")
_SHELL_OPTION = re.compile(r"[euxo]{1,4}")
_LETTERS = "abcdefghijklmnopqrstuvwxyz"


def masked_hook_text(text: str) -> str:
    """Return a script with other words for all but what it is judged by; it reads as before.

    The words are numbered as they come, so that nothing of them is left, and the same script gives
    the same text; its last line tells it from other scripts.
    """
    first, _, rest = text.partition("\n")
    numbers: dict[str, str] = {}
    if first.startswith("#!"):
        # An interpreter with its options.
        kept = " ".join(word for word in first.split()[:3] if "=" not in word)
    else:
        kept, rest = "", text
    body = _WORD.sub(lambda match: _masked(match, numbers), rest)
    told = blake2b(text.encode(), digest_size=8).hexdigest()
    return f"{kept}\n{body.rstrip()}\n# {told}\n".lstrip("\n")


def _masked(match: re.Match[str], numbers: dict[str, str]) -> str:
    word = match[0]
    is_option = match.string[match.start() - 1 : match.start()] == "-"
    if word in _KEPT or len(word) == 1 or (is_option and _SHELL_OPTION.fullmatch(word)):
        return word
    return "77" if word.isdecimal() else numbers.setdefault(word, _numbered(len(numbers)))


def _numbered(number: int) -> str:
    letters = ""
    while number or len(letters) < 2:
        number, place = divmod(number, len(_LETTERS))
        letters += _LETTERS[place]
    return f"word{letters}"


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
