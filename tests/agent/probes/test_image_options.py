import pytest

from vmfit.v1.vm_pb2 import NetworkHost, StorageSource
from vmfit_agent.probes.image_options import image_options
from vmfit_agent.probes.unanswerable import Unanswerable


def network(protocol, name, *hosts, **more):
    return StorageSource(type="network", protocol=protocol, name=name, hosts=hosts, **more)


def at(port=None, name="127.0.0.1"):
    return NetworkHost(name=name, port=port)


def unix(path):
    return NetworkHost(transport="unix", socket=str(path))


IPV6 = NetworkHost(name="fd00::1", port=3261)


@pytest.mark.parametrize(
    ("source", "options"),
    [
        (
            network("nbd", "a,b", at()),
            "driver=nbd,server.type=inet,server.host=127.0.0.1,server.port=10809,export=a,,b",
        ),
        (
            network("nbd", "", unix("/run/a,b=c")),
            "driver=nbd,server.type=unix,server.path=/run/a,,b=c,export=",
        ),
        (
            network("iscsi", "iqn.2020-01.org:x/3", at(), initiator_name="iqn.2020-01.org:me"),
            (
                "driver=iscsi,transport=tcp,portal=127.0.0.1:3260,target=iqn.2020-01.org:x,lun=3,"
                "initiator-name=iqn.2020-01.org:me"
            ),
        ),
        (
            network("iscsi", "iqn.2020-01.org:x", IPV6),
            "driver=iscsi,transport=tcp,portal=[fd00::1]:3261,target=iqn.2020-01.org:x,lun=0",
        ),
        (network("rbd", "pool/image"), "driver=rbd,pool=pool,image=image"),
        (
            network("rbd", "pool/space/image@one", at(), at(3300, "b")),
            (
                "driver=rbd,pool=pool,image=image,namespace=space,snapshot=one,"
                "server.0.host=127.0.0.1,server.0.port=6789,server.1.host=b,server.1.port=3300"
            ),
        ),
        (
            network("ftp", "/a b/c%?#.iso", at(name="www")),
            "driver=ftp,url=ftp://www:21/a%20b/c%25%3F%23.iso",
        ),
        (network("ftp", "a,b", IPV6), "driver=ftp,url=ftp://[fd00::1]:3261/a,,b"),
        (
            network("gluster", "volume/a/b", at(), unix("/run/g")),
            (
                "driver=gluster,volume=volume,path=a/b,server.0.type=inet,server.0.host=127.0.0.1,"
                "server.0.port=24007,server.1.type=unix,server.1.path=/run/g"
            ),
        ),
        (
            network("nfs", "/export/a", at(name="filer")),
            "driver=nfs,server.type=inet,server.host=filer,path=/export/a",
        ),
    ],
)
def test_options(source, options):
    assert image_options(source) == options


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        (network("ssh", "/a", at()), "ssh disks"),
        (network("nbd", "a"), "names no host"),
        (network("nbd", "a", at(), tls=True), "TLS"),
        (network("gluster", "v/a", NetworkHost(name="a", transport="rdma")), "transport rdma"),
    ],
)
def test_what_cannot_be_asked(source, reason):
    with pytest.raises(Unanswerable, match=reason):
        image_options(source)
