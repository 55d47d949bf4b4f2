"""Whether files, sockets and device nodes of the host's can be opened for the guest's devices."""

import posixpath

from vmfit.v1.finding_pb2 import Remedy
from vmfit.v1.vm_pb2 import HostPath
from vmfit_comparator.evaluation.remedies import make_directory, provide_storage
from vmfit_comparator.evaluation.result import Result, no, no_idea, probably_no, probably_yes, yes

# Every Linux has these.
_ALWAYS_THERE = ("/dev/random", "/dev/urandom", "/dev/null", "/dev/zero")


def existing(path: HostPath, field: str) -> Result:
    """Judge a path that must exist on the destination."""
    if not path.HasField("exists"):
        if path.path in _ALWAYS_THERE:
            return yes(f"{path.path} is there on every Linux")
        return no_idea(
            f"whether {path.path} exists on the destination is not known"
            + (f": {path.error}" if path.error else ""),
            missing=[f"{field}.exists"],
        )
    if not path.exists:
        summary = f"Provide {path.path} on the destination"
        return no(
            f"{path.path} does not exist on the destination",
            remedies=[provide_storage(summary, path.path)],
        )
    return yes(f"{path.path} is there")


def served(path: HostPath, field: str) -> Result:
    """Judge a socket at which a program must listen on the destination."""
    if path.exists and path.HasField("listening") and not path.listening:
        # A program in another network namespace may.
        remedy = Remedy(summary=f"Start the program that listens at {path.path}")
        text = f"nothing is known to listen at {path.path} on the destination"
        return probably_no(text, probability=0.1, remedies=[remedy])
    return existing(path, field)


def creatable(path: HostPath, field: str) -> Result:
    """Judge a path that is made on the destination if its directory is there."""
    directory = posixpath.dirname(path.path)
    if path.kind == "directory":
        return no(f"{path.path} is a directory on the destination")
    if path.filesystem.read_only:
        return no(f"{path.filesystem.mount_point} is mounted read-only on the destination")
    if path.exists or path.existing_parent == directory:
        return yes(f"{directory} is there")
    if not path.HasField("exists"):
        return no_idea(
            f"whether {directory} exists on the destination is not known",
            missing=[f"{field}.exists"],
        )
    if not path.existing_parent:
        return probably_yes(f"{path.path} is not there yet; its directory was not looked at")
    return no(
        f"the directory {directory} does not exist on the destination",
        remedies=[make_directory(directory)],
    )
