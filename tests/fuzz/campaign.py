"""One surface fed with what coverage-guided mutation makes of its seeds; run as a program.

python -m tests.fuzz.campaign SURFACE SECONDS DIRECTORY [SEED]

An input that raises what its surface does not allow, that a reader logs a traceback of, that takes
longer than 10 s or more memory than the surface's bound ends the program with a status that is not
0; DIRECTORY then has the input. SEED is of the random numbers; without it they differ each time.
"""

import hashlib
import importlib
import logging
import resource
import sys
import tempfile
from pathlib import Path

import atheris

INSTRUMENTED = ["vmfit_agent", "vmfit_comparator", "vmfit_contract"]
HANG_SECONDS = 10
MEMORY_MB = 600
ADDRESSES_BYTES = 6 << 30
LONGEST = 1 << 16


class Tracebacks(logging.Handler):
    """Keeps the exceptions that were logged: what a boundary catches is a bug all the same."""

    def __init__(self):
        super().__init__()
        self.found = []

    def emit(self, record):
        if record.exc_info and record.exc_info[1] is not None:
            self.found.append(record.exc_info[1])


def without_tracebacks(read):
    """Return what reads an input, and raises what was logged as a bug."""
    handler = Tracebacks()
    logging.basicConfig(handlers=[handler])
    logging.disable(logging.WARNING)

    def read_strictly(data):
        read(data)
        if handler.found:
            raise handler.found.pop()

    return read_strictly


def main():
    name, seconds, directory, *seed = sys.argv[1:]
    resource.setrlimit(resource.RLIMIT_AS, (ADDRESSES_BYTES, ADDRESSES_BYTES))
    with atheris.instrument_imports(include=INSTRUMENTED):
        surface = importlib.import_module(f"tests.fuzz.surfaces.{name}")
    with tempfile.TemporaryDirectory() as corpus:
        for seed in surface.seeds():
            if len(seed) <= LONGEST:
                (Path(corpus) / hashlib.sha256(seed).hexdigest()).write_bytes(seed)
        arguments = [
            sys.argv[0], corpus, f"-max_total_time={seconds}", f"-timeout={HANG_SECONDS}",
            f"-rss_limit_mb={getattr(surface, 'MEMORY_MB', MEMORY_MB)}", f"-max_len={LONGEST}",
            f"-artifact_prefix={directory}/", "-print_final_stats=1", "-len_control=0",
            *(f"-seed={each}" for each in seed),
        ]  # fmt: skip
        atheris.Setup(arguments, without_tracebacks(surface.read))
        atheris.Fuzz()


if __name__ == "__main__":
    main()
