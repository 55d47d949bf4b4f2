"""Domain XML in files, as clients send it to an agent."""

from pathlib import Path

MAX_DEFINITION_BYTES = 1024 * 1024
"""What DescribeVmRequest.xml takes."""


class DefinitionFileError(ValueError):
    """A file with no domain XML that can be sent; the message is one line that names the file."""


def read_definition(path: Path) -> str:
    """Return the text of a file with domain XML. Raises DefinitionFileError."""
    try:
        with path.open("rb") as file:
            content = file.read(MAX_DEFINITION_BYTES + 1)
    except OSError as error:
        raise DefinitionFileError(f"{path}: cannot be read: {error.strerror}") from None
    if len(content) > MAX_DEFINITION_BYTES:
        raise DefinitionFileError(f"{path}: larger than {MAX_DEFINITION_BYTES} bytes")
    if not content.strip():
        raise DefinitionFileError(f"{path}: empty")
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        raise DefinitionFileError(f"{path}: not UTF-8 at byte {error.start}") from None
