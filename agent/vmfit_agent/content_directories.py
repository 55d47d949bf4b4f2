"""Which directories may be configured to hold guests' files."""

NEVER = ("/etc", "/root", "/proc", "/sys", "/dev")
"""Below these no file is a guest's, whatever the settings say."""


def content_directory_complaint(path: str) -> str:
    """Return what must be different about a directory of the settings; empty for nothing."""
    if not path.startswith("/") or "\0" in path or {".", ".."} & set(path.split("/")):
        return "must be an absolute path without . and .."
    if any(f"{path}/".startswith(f"{each}/") for each in NEVER):
        return f"must not be below {', '.join(NEVER)}"
    return ""
