"""Domain XML to typed VM: NICs, host devices, character devices, displays."""

import pytest

from tests.agent.domain_devices import with_devices


@pytest.mark.parametrize(
    ("xml", "expected"),
    [
        (
            (
                "<interface type='network'><mac address='52:54:00:AA:00:01'/>"
                "<source network='n' portgroup='g' bridge='virbr0'/><target dev='vnet0'/>"
                "<mtu size='9000'/><filterref filter='f'/><vlan><tag id='42'/></vlan></interface>"
            ),
            {
                "mac": "52:54:00:aa:00:01",
                "network": "n",
                "port_group": "g",
                "bridge": "virbr0",
                "mtu_bytes": 9000,
                "vlan_ids": [42],
                "filter": "f",
                "host_tap": "vnet0",
            },
        ),
        (
            (
                "<interface type='bridge'><source bridge='br0'/><virtualport type='openvswitch'>"
                "<parameters interfaceid='i'/></virtualport><model type='virtio'/>"
                "<driver name='vhost' queues='4'/><link state='down'/></interface>"
            ),
            {
                "bridge": "br0",
                "virtual_port_type": "openvswitch",
                "interface_id": "i",
                "model": "virtio",
                "queue_count": 4,
                "driver_name": "vhost",
                "link_state": "down",
            },
        ),
        (
            "<interface type='direct'><source dev='eth0' mode='vepa'/></interface>",
            {"host_interface": "eth0", "direct_mode": "vepa"},
        ),
        (
            (
                "<interface type='hostdev'><source><address type='pci' domain='0' bus='0x3b' "
                "slot='0' function='1'/></source><teaming type='transient' persistent='x'/>"
                "</interface>"
            ),
            {"pci_address": "0000:3b:00.1", "teaming": "transient"},
        ),
        (
            "<interface type='ethernet'><target dev='web-tap' managed='no'/></interface>",
            {"host_tap": "web-tap", "tap_managed": False},
        ),
        (
            "<interface type='server'><source address='0.0.0.0' port='5558'/></interface>",
            {"socket_host": "0.0.0.0", "socket_port": 5558},
        ),
        ("<interface type='user'><backend type='passt'/></interface>", {"backend_type": "passt"}),
        ("<interface type='user'><rom bar='off'/></interface>", {"rom_disabled": True}),
        ("<interface type='user'><rom enabled='no'/></interface>", {"rom_disabled": True}),
        ("<interface type='user'><rom bar='on'/></interface>", {"rom_disabled": False}),
    ],
)
def test_nics(xml, expected):
    nic = with_devices(xml).nics[0]
    for field, value in expected.items():
        assert getattr(nic, field) == value, field


def test_sockets_of_nics():
    nics = with_devices(
        "<interface type='vhostuser'><source type='unix' path='/s' mode='client'/></interface>"
        "<interface type='vdpa'><source dev='/dev/vhost-vdpa-0'/></interface>"
    ).nics
    assert [nic.socket.path for nic in nics] == ["/s", "/dev/vhost-vdpa-0"]
    assert [nic.socket_mode for nic in nics] == ["client", ""]


def test_where_a_nic_of_type_udp_listens():
    (nic,) = with_devices(
        "<interface type='udp'><source address='192.0.2.9' port='5558'>"
        "<local address='192.0.2.1' port='5559'/></source></interface>"
    ).nics
    assert (nic.socket_host, nic.socket_port) == ("192.0.2.9", 5558)
    assert (nic.local_host, nic.local_port) == ("192.0.2.1", 5559)


def test_host_devices():
    pci, usb, mdev, scsi = with_devices(
        "<hostdev mode='subsystem' type='pci' managed='yes'><driver name='vfio'/><source>"
        "<address domain='0x0000' bus='0x06' slot='0x02' function='0x0'/></source></hostdev>"
        "<hostdev type='usb'><source startupPolicy='optional'><vendor id='0x1234'/>"
        "<product id='0xbeef'/><address bus='1' device='3'/></source></hostdev>"
        "<hostdev type='mdev' model='vfio-pci'><source><address uuid='AB'/></source></hostdev>"
        "<hostdev type='scsi'><source><adapter name='scsi_host0'/>"
        "<address bus='0' target='1' unit='2'/></source></hostdev>"
    ).host_devices
    assert (pci.pci_address, pci.managed, pci.driver) == ("0000:06:02.0", True, "vfio")
    assert (usb.vendor_id, usb.product_id, usb.usb_device_number) == ("1234", "beef", 3)
    assert (usb.mode, usb.startup_policy) == ("subsystem", "optional")
    assert (mdev.mdev_uuid, mdev.mdev_model) == ("ab", "vfio-pci")
    assert (scsi.scsi_adapter, scsi.scsi_address) == ("scsi_host0", "0:1:2")


@pytest.mark.parametrize(
    ("xml", "automatic"),
    [
        ("<serial type='pty'><source path='/dev/pts/3'/></serial>", True),
        ("<channel type='unix'><target name='a'/></channel>", True),
        (
            (
                "<channel type='unix'><source mode='bind' "
                "path='/var/lib/libvirt/qemu/channel/target/domain-1-g/a'/></channel>"
            ),
            True,
        ),
        (
            (
                "<channel type='unix'><source mode='bind' "
                "path='/run/libvirt/qemu/channel/1-g/a'/></channel>"
            ),
            True,
        ),
        (
            (
                "<channel type='unix'><source mode='bind' "
                "path='/run/user/0/libvirt/qemu/run/channel/"
                "1-g/a'/></channel>"
            ),
            True,
        ),
        ("<channel type='unix'><source mode='bind' path='/srv/sock'/></channel>", False),
        ("<serial type='file'><source path='/log'/></serial>", False),
    ],
)
def test_paths_that_libvirt_chooses_itself(xml, automatic):
    assert with_devices(xml).character_devices[0].automatic_path is automatic


def test_character_devices():
    serial, tcp, pipe, rng = with_devices(
        "<serial type='file'><source path='/s.log'/><log file='/l.log' append='off'/></serial>"
        "<serial type='tcp'><source mode='connect' host='h' service='4555' tls='yes'>"
        "<reconnect enabled='yes' timeout='1'/></source></serial>"
        "<serial type='pipe'><source path='/p'/></serial>"
        "<rng model='virtio'><backend model='egd' type='unix'><source mode='connect' path='/egd'/>"
        "</backend></rng><rng model='virtio'><backend model='random'>/dev/hwrng</backend></rng>"
    ).character_devices
    assert (serial.kind, serial.path.path, serial.log.path) == ("serial", "/s.log", "/l.log")
    assert (tcp.mode, tcp.host, tcp.port, tcp.tls) == ("connect", "h", 4555, True)
    assert [each.reconnects for each in (serial, tcp)] == [False, True]
    assert [each.path for each in pipe.pipe_ends] == ["/p.in", "/p.out"]
    assert (rng.kind, rng.type, rng.path.path) == ("rng", "unix", "/egd")


@pytest.mark.parametrize(
    ("state", "connected"), [("connected", True), ("disconnected", False), (None, None)]
)
def test_the_guest_agent(state, connected):
    attribute = f"state='{state}'" if state else ""
    vm = with_devices(
        f"<channel type='unix'><target name='org.qemu.guest_agent.0' {attribute}/></channel>"
    )
    assert (vm.guest_agent_connected if vm.HasField("guest_agent_connected") else None) is connected


def test_displays_without_passwords():
    vm = with_devices(
        "<graphics type='vnc' port='-1' autoport='yes' passwd='sekrit' listen='0.0.0.0'/>"
        "<graphics type='spice' port='5901' tlsPort='5902'><listen type='network' network='n'/>"
        "<gl enable='yes' rendernode='/dev/dri/renderD128'/></graphics>"
    )
    vnc, spice = vm.graphics
    assert (vnc.port, vnc.autoport, vnc.listens[0].address) == (-1, True, "0.0.0.0")
    assert (spice.port, spice.tls_port, spice.listens[0].network) == (5901, 5902, "n")
    assert spice.render_node.path == "/dev/dri/renderD128"
    assert b"sekrit" not in vm.SerializeToString()


@pytest.mark.parametrize(
    ("xml", "expected"),
    [
        ("<graphics type='vnc' socket='/srv/v.sock'/>", "/srv/v.sock"),
        ("<graphics type='spice'><listen type='socket' socket='/s'/></graphics>", "/s"),
        (
            "<graphics type='vnc' socket='/var/lib/libvirt/qemu/domain-7-g/vnc.sock'/>",
            "",
        ),
        ("<graphics type='vnc'><listen type='socket'/></graphics>", ""),
    ],
)
def test_sockets_of_displays(xml, expected):
    assert with_devices(xml).graphics[0].socket_path.path == expected


@pytest.mark.parametrize(
    ("attributes", "expected"),
    [
        ("type='dbus'", True),
        ("type='dbus' address='unix:path=/run/libvirt/qemu/dbus/1-g-dbus.sock'", True),
        ("type='dbus' address='unix:path=/run/user/7/bus'", False),
        ("type='dbus' p2p='yes'", False),
        ("type='vnc'", False),
    ],
)
def test_whose_bus_a_display_is_on(attributes, expected):
    assert with_devices(f"<graphics {attributes}/>").graphics[0].starts_bus == expected


@pytest.mark.parametrize(
    ("xml", "expected"),
    [
        ("<graphics type='spice' defaultMode='secure'/>", True),
        ("<graphics type='spice'><channel name='main' mode='secure'/></graphics>", True),
        ("<graphics type='spice' defaultMode='insecure' autoport='yes'/>", False),
        ("<graphics type='vnc'/>", False),
    ],
)
def test_whether_a_display_demands_tls(xml, expected):
    assert with_devices(xml).graphics[0].demands_tls == expected


def test_other_devices_keep_their_order():
    vm = with_devices(
        "<controller type='usb' model='qemu-xhci'/><video><model type='qxl'/></video>"
        "<vsock model='virtio'><cid auto='no' address='3'/></vsock>"
        "<rng model='virtio'><backend model='random'>/dev/hwrng</backend></rng>"
        "<shmem name='m'><model type='ivshmem-doorbell'/><server path='/ivshmem'/></shmem>"
        "<watchdog model='i6300esb' action='reset'/>"
        "<input type='evdev'><source dev='/dev/e'/></input>"
        "<input type='tablet' bus='usb'/>"
    )
    assert (vm.other_devices[7].type, vm.other_devices[7].bus) == ("tablet", "usb")
    assert [(one.kind, one.model) for one in vm.other_devices] == [
        ("controller", "qemu-xhci"),
        ("video", "qxl"),
        ("vsock", "virtio"),
        ("rng", "virtio"),
        ("shmem", "ivshmem-doorbell"),
        ("watchdog", "i6300esb"),
        ("input", ""),
        ("input", ""),
    ]
    assert (vm.other_devices[2].vsock_cid, vm.other_devices[2].vsock_auto) == (3, False)
    assert [vm.other_devices[index].path.path for index in (3, 4, 6)] == [
        "/dev/hwrng",
        "/ivshmem",
        "/dev/e",
    ]


def test_what_keeps_a_device_from_moving():
    vm = with_devices(
        "<video><driver name='vhostuser'/><model type='virtio'>"
        "<acceleration accel3d='yes'/></model></video>"
        "<video><model type='virtio'/></video>"
        "<shmem name='m' role='master'><model type='ivshmem-plain'/><size unit='M'>2</size></shmem>"
    )
    display, plain, memory = vm.other_devices
    assert (display.driver_name, display.accelerated_3d) == ("vhostuser", True)
    assert not plain.HasField("accelerated_3d")
    assert (memory.role, plain.role) == ("master", "")
    assert (memory.path.path, memory.size_bytes) == ("/dev/shm/m", 2 << 20)


def test_tpms_and_filesystems():
    vm = with_devices(
        "<tpm model='tpm-tis'><backend type='passthrough'><device path='/dev/tpm0'/>"
        "</backend></tpm>"
        "<tpm model='tpm-crb'><backend type='emulator' persistent_state='yes'/></tpm>"
        "<filesystem type='mount' accessmode='passthrough'><driver type='virtiofs'/>"
        "<source dir='/share'/><target dir='tag'/></filesystem>"
        "<filesystem><source socket='/vfs.sock'/><target dir='t2'/></filesystem>"
    )
    assert vm.tpms[0].device.path == "/dev/tpm0"
    assert vm.tpms[1].persistent_state
    assert not vm.tpms[1].HasField("state_directory")
    shared = vm.filesystems[0]
    assert (shared.target, shared.driver, shared.source.path) == ("tag", "virtiofs", "/share")
    assert vm.filesystems[1].socket == "/vfs.sock"
