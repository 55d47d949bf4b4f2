"""Generates the Python modules of the contract while the distribution is built."""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import grpc_tools
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.descriptor import MethodDescriptor
from grpc_tools import protoc
from hatchling.builders.hooks.plugin.interface import BuildHookInterface

_RPCS_HEAD = '''"""Every RPC of every service, generated from the .proto files."""

from collections.abc import Mapping
from typing import Final, NamedTuple


class Rpc(NamedTuple):
    """One RPC."""

    service: str
    """The service's full name, such as "vmfit.v1.HostMetadata"."""
    method: str
    role: str
    """What its caller must be allowed to do: a name of Role, such as "read"."""
    costly: bool
    """A server answers few of these at a time."""
    request: str
    """The full name of the request's message."""
    request_module: str
    """The Python module that has it."""
    request_streams: bool
    response_streams: bool

    @property
    def path(self) -> str:
        """How gRPC spells it: "/vmfit.v1.HostMetadata/GetSnapshot"."""
        return f"/{self.service}/{self.method}"


'''


class ProtocHook(BuildHookInterface):  # type: ignore[type-arg]
    """Runs protoc over vmfit/v1, with type stubs for messages and services."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002
        """Write the generated modules beside their .proto files."""
        root = Path(self.root)
        sources = sorted(str(path.relative_to(root)) for path in root.glob("vmfit/v1/*.proto"))
        bundled = Path(grpc_tools.__file__).parent / "_proto"
        outputs = ("python", "grpc_python", "mypy", "mypy_grpc")
        with TemporaryDirectory() as directory:
            described = Path(directory) / "descriptors"
            flags = [f"-I{root}", f"-I{bundled}", *(f"--{kind}_out={root}" for kind in outputs)]
            flags += ["--include_imports", f"--descriptor_set_out={described}"]
            status = protoc.main(["protoc", *flags, *sources])
            if status:
                raise RuntimeError(f"protoc failed with status {status}")
            table = _rpc_table(descriptor_pb2.FileDescriptorSet.FromString(described.read_bytes()))
        (root / "vmfit/v1/rpcs.py").write_text(_RPCS_HEAD + table)


def _rpc_table(described: descriptor_pb2.FileDescriptorSet) -> str:
    """Return Python that lists the RPCs by service and method."""
    pool = descriptor_pool.DescriptorPool()
    for file in described.file:
        pool.Add(file)
    lines = []
    for file in described.file:
        for service in file.service:
            name = f"{file.package}.{service.name}"
            table = pool.FindServiceByName(name)
            lines += [f'{_constant(service.name)}: Final = "{name}"']
            lines += [f"{_constant(service.name)}_RPCS: Final[Mapping[str, Rpc]] = {{"]
            lines += [_entry(pool, method) for method in table.methods]
            lines += ["}"]
    return "\n".join(lines) + "\n"


def _entry(pool: descriptor_pool.DescriptorPool, method: MethodDescriptor) -> str:
    values = (
        method.containing_service.full_name,
        method.name,
        *_options(pool, method),
        method.input_type.full_name,
        method.input_type.file.name.removesuffix(".proto").replace("/", ".") + "_pb2",
        method.client_streaming,
        method.server_streaming,
    )
    return f'    "{method.name}": Rpc{values!r},'


def _options(pool: descriptor_pool.DescriptorPool, method: MethodDescriptor) -> tuple[str, bool]:
    """Return the role's short name, and whether the RPC is costly; raises RuntimeError."""
    kind = pool.FindMessageTypeByName("google.protobuf.MethodOptions")
    options = message_factory.GetMessageClass(kind).FromString(
        method.GetOptions().SerializeToString()
    )
    extension = pool.FindExtensionByName("vmfit.v1.role")
    number = options.Extensions[extension]
    if not number:
        raise RuntimeError(f"{method.full_name} has no option (role)")
    name: str = extension.enum_type.values_by_number[number].name
    costly = options.Extensions[pool.FindExtensionByName("vmfit.v1.costly")]
    return name.removeprefix("ROLE_").lower(), costly


def _constant(name: str) -> str:
    return "".join(f"_{each}" if each.isupper() else each.upper() for each in name).strip("_")
