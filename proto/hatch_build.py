"""Generates the Python modules of the contract while the distribution is built."""

from pathlib import Path
from typing import Any

import grpc_tools
from grpc_tools import protoc
from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class ProtocHook(BuildHookInterface):  # type: ignore[type-arg]
    """Runs protoc over vmfit/v1, with type stubs for messages and services."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002
        """Write the generated modules beside their .proto files."""
        root = Path(self.root)
        sources = sorted(str(path.relative_to(root)) for path in root.glob("vmfit/v1/*.proto"))
        bundled = Path(grpc_tools.__file__).parent / "_proto"
        outputs = ("python", "grpc_python", "mypy", "mypy_grpc")
        flags = [f"-I{root}", f"-I{bundled}", *(f"--{kind}_out={root}" for kind in outputs)]
        status = protoc.main(["protoc", *flags, *sources])
        if status:
            raise RuntimeError(f"protoc failed with status {status}")
