"""What the text of a hook script tells without running it: words, not logic."""

import re

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
    r"|^\s*set\s+(?:-[a-z]*e|-o\s+errexit)|\A#!.*\s-[a-z]*e|\bkill\b.*(?:\$\$|getpid)",
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


def read_hook_text(text: str) -> HookText:
    """Return what a script's text looks like it does; comments do not count.

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
