"""A PostgreSQL server of the tests' own, where one is installed."""

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path


def missing():
    """Why no server can be started; empty when one can."""
    if _program("initdb") is None:
        return "PostgreSQL is not installed"
    if os.geteuid() == 0 and _user() is None:
        return "PostgreSQL refuses to run as root, and there is no user postgres"
    return ""


@contextmanager
def server():
    """Run a server that listens on a unix socket alone; give its URL."""
    home = Path(tempfile.mkdtemp(prefix="vmfit-postgresql-"))
    if _user() is not None:
        shutil.chown(home, "postgres")
    keywords = {"user": _user(), "cwd": home, "stdout": subprocess.DEVNULL}
    try:
        initdb = [_program("initdb"), "-D", home / "data", "-U", "vmfit", "-A", "trust", "-N"]
        subprocess.run(initdb, check=True, **keywords)
        settings = [f"unix_socket_directories={home}", "listen_addresses=", "fsync=off"]
        options = [word for each in settings for word in ("-c", each)]
        with (home / "log").open("w") as log:
            running = subprocess.Popen(
                [_program("postgres"), "-D", home / "data", *options], stderr=log, **keywords
            )
        try:
            _wait(home)
            yield f"postgresql://vmfit@/postgres?host={home}"
        finally:
            # Without waiting for those who are connected.
            running.send_signal(signal.SIGINT)
            running.wait(30)
    finally:
        shutil.rmtree(home)


def _wait(home):
    deadline = time.monotonic() + 30
    ready = [_program("pg_isready"), "-h", home, "-q"]
    while subprocess.run(ready, check=False).returncode:
        assert time.monotonic() < deadline, (home / "log").read_text()
        time.sleep(0.1)


def _user():
    if os.geteuid():
        return None
    try:
        return pwd.getpwnam("postgres").pw_name
    except KeyError:
        return None


def _program(name):
    places = [str(each) for each in sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)]
    return shutil.which(name, path=os.pathsep.join([*places, os.environ.get("PATH", "")]))


def forget(url):
    """Drop vmfit's tables."""
    import psycopg  # noqa: PLC0415

    tables = "SELECT tablename FROM pg_tables WHERE tablename LIKE 'vmfit%'"
    with psycopg.connect(url) as connection:
        for (table,) in connection.execute(tables).fetchall():
            connection.execute(f"DROP TABLE {table} CASCADE")
