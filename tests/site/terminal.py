"""A command as a person at a terminal sees it."""

import fcntl
import os
import pty
import re
import struct
import subprocess
import termios

_ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
_ROWS = 50


def seen(command, columns, environment, directory):
    """Return all that a command shows on a terminal of so many columns, without colours."""
    main, side = pty.openpty()
    fcntl.ioctl(side, termios.TIOCSWINSZ, struct.pack("HHHH", _ROWS, columns, 0, 0))
    variables = {**environment, "TERM": "xterm-256color", "LC_ALL": "C.UTF-8"}
    process = subprocess.Popen(
        command, stdin=side, stdout=side, stderr=side, env=variables, cwd=directory
    )
    os.close(side)
    shown = b""
    while True:
        try:
            block = os.read(main, 65536)
        except OSError:  # Nobody has the terminal any more.
            break
        if not block:
            break
        shown += block
    process.wait(60)
    os.close(main)
    return _ESCAPES.sub("", shown.decode()).replace("\r\n", "\n")
