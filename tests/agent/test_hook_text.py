"""What the text of a hook script tells."""

import pytest

from vmfit_agent.virtualization.hook_text import masked_hook_text, read_hook_text

REFUSES = """#!/bin/sh
# never restore
if [ "$2" = migrate ]; then echo "no room" >&2; exit 1; fi
"""
CASE = """#!/bin/bash
case "$2" in
  prepare|start) /usr/local/bin/restart-vlans || exit 3;;
esac
exit 0
"""
PYTHON = """#!/usr/bin/python3
import os, sys
if sys.argv[2] in ("prepare", "migrate") and not os.path.exists("/run/ready"):
    sys.exit("not ready")
"""
LOG = """#!/bin/sh
echo "$@" >> /var/log/hook.log
logger "hook $2"
exit 0
"""
REWRITE = """#!/bin/sh
[ "$2" = migrate ] && sed s/old/new/
exit 0
"""
PRINTS = """#!/bin/sh
echo "called for $1"
exit 0
"""
BLOCK = """#!/bin/sh
{
  echo "called for $1"
} >> /var/log/hook.log
exit 0
"""
STRICT = "#!/bin/sh\nset -eu\nport-created-by-us\n"


@pytest.mark.parametrize(
    ("text", "operations", "may_fail", "reads", "prints"),
    [
        (REFUSES, ["migrate"], True, False, False),
        (CASE, ["prepare", "start"], True, False, False),
        (PYTHON, ["migrate", "prepare"], True, False, False),
        (LOG, [], False, False, False),
        (REWRITE, ["migrate"], False, True, False),
        (PRINTS, [], False, False, True),
        (BLOCK, [], False, False, False),
        ("#!/bin/sh\nexit 1\n", [], True, False, False),
        ("#!/bin/sh\nexit $?\n", [], True, False, False),
        ("#!/bin/sh -e\n/bin/true\n", [], True, False, False),
        ("#!/bin/sh\nset -e\nexit 0\n", [], True, False, False),
        ("#!/bin/sh\nkill -9 $$\n", [], True, False, False),
        ("#!/bin/sh\n[ $2 = migrate ] && touch /run/x\n", ["migrate"], True, False, False),
        ("#!/usr/bin/python3\nimport sys\nsys.exit(0)\n", [], False, False, False),
        ("#!/usr/bin/python3\nraise OSError\n", [], True, False, False),
        ("#!/bin/sh\n# exit 1\n", [], False, False, False),
        ("#!/bin/sh\nif true; then echo hi; fi\n", [], False, False, True),
        ("", [], False, False, False),
    ],
)
def test_words(text, operations, may_fail, reads, prints):
    found = read_hook_text(text)
    assert list(found.operations) == operations
    assert (found.may_fail, found.reads_definition, found.prints) == (may_fail, reads, prints)


@pytest.mark.parametrize("text", [REFUSES, CASE, PYTHON, LOG, REWRITE, PRINTS, BLOCK, STRICT])
def test_a_masked_script_reads_the_same(text):
    assert read_hook_text(masked_hook_text(text)) == read_hook_text(text)


def test_a_masked_script_keeps_no_words_of_the_site():
    text = "#!/bin/sh\ncurl -u admin:swordfish4 https://cmdb.example.net/10.20.30.40\nexit 1\n"
    masked = masked_hook_text(text)
    assert not any(word in masked for word in ("admin", "swordfish", "cmdb", "example", "20.30"))
    assert "exit 1\n# " in masked


def test_a_masked_script_keeps_nothing_of_a_password():
    # Short words, Unicode and options of other programs, too.
    text = "#!/bin/sh -e\nmysql -pab1 -u x-ab-cd; PASSWORD='zwei wörter' curl --user joe:s3c\n"
    masked = masked_hook_text(text)
    assert masked.startswith("#!/bin/sh -e\n")
    assert not any(word in masked for word in ("ab", "cd", "zwei", "rter", "joe", "s3c"))


def test_masked_scripts_are_equal_where_the_scripts_are():
    assert masked_hook_text(LOG) == masked_hook_text(LOG)
    assert masked_hook_text(LOG) != masked_hook_text(LOG.replace("hook.log", "look.log"))
