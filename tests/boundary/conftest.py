"""Both network boundaries, and one with a service whose answers a test decides."""

import threading
from functools import partial

import grpc
import pytest

from tests.boundary.servers import Trial, comparator, fake_agent, trial_server
from tests.certificates import LOOPBACK, Authority
from vmfit_contract.tls_files import ServerTls


@pytest.fixture(scope="session")
def authority():
    return Authority()


@pytest.fixture
def tls(authority, tmp_path):
    return ServerTls(authority.write(tmp_path / "server", LOOPBACK))


@pytest.fixture
def serve():
    """Start servers, and stop them at the end."""
    stops = []

    def start(make, *arguments, **options):
        address, stop, server = make(*arguments, **options)
        stops.append(stop)
        return address, server

    yield start
    for stop in stops:
        stop()


@pytest.fixture(params=[fake_agent, comparator], ids=["agent", "comparator"])
def boundary(request, serve):
    """Return what serves one of the two, by `tls` and settings' roles; returns its address."""
    return lambda *arguments, **options: serve(request.param, *arguments, **options)[0]


@pytest.fixture
def trial(serve):
    """Return a service that does what it is told, and where it is served."""
    service = Trial()

    def start(*arguments, **options):
        return service, serve(partial(trial_server, service), *arguments, **options)[0]

    yield start
    service.release.set()


@pytest.fixture
def dial(authority):
    """Return a channel as a client with these names, or in plain text."""
    channels = []

    def connect(address, *names, plain=False, options=(), issuer=None, **certificate):
        if plain or address.is_unix:
            options = (*options, ("grpc.use_local_subchannel_pool", 1))
            channel = grpc.insecure_channel(address.target, options)
        else:
            chain, key = (issuer or authority).issue(*names, **certificate)
            credentials = grpc.ssl_channel_credentials(authority.pem, key, chain)
            channel = grpc.secure_channel(address.target, credentials, options)
        channels.append(channel)
        return channel

    yield connect
    for channel in channels:
        channel.close()


@pytest.fixture
def never():
    """Return a request that never comes."""
    ended = threading.Event()

    def wait():
        ended.wait(60)
        yield b""

    yield wait
    ended.set()
