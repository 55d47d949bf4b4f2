"""Agents and other servers on this machine's loopback, with TLS or without."""

import socket
import threading
from concurrent import futures

import grpc

from tests.comparator.fake_agents import FakeAgent
from vmfit.v1.host_metadata_service_pb2_grpc import add_HostMetadataServicer_to_server
from vmfit_contract.channel import SERVER_OPTIONS
from vmfit_contract.tls_files import ServerTls, TlsFiles


class TlsAgent(FakeAgent):
    """A fake agent on 127.0.0.1 that demands certificates; without `material` in plain text."""

    def __init__(self, snapshot, material=None, vms=()):
        super().__init__("unused", snapshot, vms)
        self.material = material
        self.port = None

    @property
    def address(self):
        return f"127.0.0.1:{self.port}"

    def __enter__(self):
        self._server = grpc.server(futures.ThreadPoolExecutor(8), options=SERVER_OPTIONS)
        add_HostMetadataServicer_to_server(self, self._server)
        if self.material is None:
            self.port = self._server.add_insecure_port("127.0.0.1:0")
        else:
            credentials = ServerTls(server_files(self.material)).credentials()
            self.port = self._server.add_secure_port("127.0.0.1:0", credentials)
        self._server.start()
        return self


class StrangeServer:
    """Something else that listens: it says `greeting` to who connects and hangs up."""

    def __init__(self, greeting):
        self._greeting = greeting
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self._socket.getsockname()[1]}"

    def __enter__(self):
        threading.Thread(target=self._serve, daemon=True).start()
        return self

    def __exit__(self, *error):
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()

    def _serve(self):
        while True:
            try:
                peer, _ = self._socket.accept()
            except OSError:
                return
            with peer:
                peer.sendall(self._greeting)
                peer.settimeout(1)
                try:
                    peer.recv(1000)
                except OSError:
                    continue


def server_files(material):
    return TlsFiles(material.certificate, material.key, material.authority)
