"""One network interface, from its directory in sysfs."""

import array
import fcntl
import os
import re
import socket
import struct
from collections.abc import Sequence

from vmfit.v1.network_pb2 import Bond, Bridge, NetworkInterface, SriovFunction
from vmfit_agent.kernel_files.sysfs import (
    entry_names,
    exists,
    key_values,
    link_name,
    read_count,
    read_int,
    read_text,
)

_IFF_UP = 0x1
_ARPHRD_LOOPBACK = "772"
_TUN_FLAG_TAP = 0x2
_PCI_ADDRESS = re.compile(r"[0-9a-f]{4,}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-7]")
_VIRTUAL_FUNCTION = re.compile(r"virtfn(\d+)")
_MEGABIT = 1_000_000
# Stacked on another interface, which `lower` names.
_STACKED = ("vlan", "macvlan", "macvtap", "ipvlan", "vxlan")
_DEVTYPES = {*_STACKED, "bridge", "bond"}
_DRIVERS = {name: name for name in ("veth", "dummy", "openvswitch", "macvlan", "ipvlan")}
# From linux/sockios.h and linux/ethtool.h.
_SIOCETHTOOL = 0x8946
_ETHTOOL_GDRVINFO = 0x3


def describe_interface(
    path: str, name: str, *, addresses: Sequence[str], vlan_id: int | None, live: bool
) -> NetworkInterface:
    """Return the interface at a directory of sysfs.

    `speed_bits_per_second` and `carrier` are absent when the driver does not tell, as for most
    interfaces that are down. Source: Documentation/ABI/testing/sysfs-class-net.
    """
    devtype = _uevent(path).get("DEVTYPE", "")
    kind = _type(path, name, devtype, live=live)
    carrier = read_text(f"{path}/carrier")
    speed = read_count(f"{path}/speed")
    device = f"{path}/device"
    return NetworkInterface(
        name=name,
        type=kind,
        mac=read_text(f"{path}/address"),
        mtu_bytes=read_count(f"{path}/mtu") or 0,
        up=bool((read_int(f"{path}/flags") or 0) & _IFF_UP),
        operational_state=read_text(f"{path}/operstate") or "unknown",
        carrier=carrier == "1" if carrier is not None else None,
        speed_bits_per_second=speed * _MEGABIT if speed else None,
        driver=link_name(f"{device}/driver"),
        pci_address=_pci_address(device),
        master=link_name(f"{path}/master"),
        lower=_lower(path) if kind in _STACKED else None,
        addresses=addresses,
        bridge=_bridge(path) if kind == "bridge" else None,
        bond=_bond(path) if kind == "bond" else None,
        vlan_id=vlan_id,
        sriov=_sriov(device),
    )


def _uevent(path: str) -> dict[str, str]:
    return dict(key_values(read_text(f"{path}/uevent") or ""))


def _type(path: str, name: str, devtype: str, *, live: bool) -> str:
    if read_text(f"{path}/type") == _ARPHRD_LOOPBACK:
        return "loopback"
    if devtype in _DEVTYPES:
        return devtype
    if exists(f"{path}/bridge"):
        return "bridge"
    if exists(f"{path}/bonding"):
        return "bond"
    # Kernels differ in whether they name the type of these.
    if exists(f"{path}/macvtap"):
        return "macvtap"
    flags = read_int(f"{path}/tun_flags")
    if flags is not None:
        return "tap" if flags & _TUN_FLAG_TAP else "tun"
    if link_name(f"{path}/device") is not None:
        return "physical"
    driver = _ethtool_driver(name) if live else None
    if driver is not None:
        return _DRIVERS.get(driver, "virtual")
    return "veth" if _has_peer(path) else "virtual"


def _has_peer(path: str) -> bool:
    # A veth names its peer as the link below it, without being stacked on it.
    peer = read_int(f"{path}/iflink")
    return bool(peer) and peer != read_int(f"{path}/ifindex") and _lower(path) is None


def _ethtool_driver(name: str) -> str | None:
    """Return the driver that the kernel names for an interface without a device; None if none."""
    # struct ethtool_drvinfo: the command, then the driver's name in 32 bytes, then more text.
    information = array.array("B", struct.pack("I192x", _ETHTOOL_GDRVINFO))
    address, _ = information.buffer_info()
    request = struct.pack("16sP16x", name.encode(), address)
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as any_socket:
            fcntl.ioctl(any_socket, _SIOCETHTOOL, request)
    except OSError:
        return None
    return information[4:36].tobytes().partition(b"\0")[0].decode("ascii", "replace") or None


def _lower(path: str) -> str | None:
    lower = (name for name in entry_names(path) if name.startswith("lower_"))
    return next((name.removeprefix("lower_") for name in lower), None)


def _bridge(path: str) -> Bridge:
    stp = read_text(f"{path}/bridge/stp_state")
    filtering = read_text(f"{path}/bridge/vlan_filtering")
    return Bridge(
        ports=entry_names(f"{path}/brif"),
        stp=stp != "0" if stp is not None else None,
        vlan_filtering=filtering != "0" if filtering is not None else None,
    )


def _bond(path: str) -> Bond:
    mode = read_text(f"{path}/bonding/mode") or ""
    return Bond(
        mode=mode.partition(" ")[0],
        slaves=sorted((read_text(f"{path}/bonding/slaves") or "").split()),
        active_slave=read_text(f"{path}/bonding/active_slave"),
    )


def _pci_address(device: str) -> str | None:
    name = link_name(device)
    if name is None or _PCI_ADDRESS.fullmatch(name):
        return name
    # virtio and USB devices hang below the PCI device.
    parts = os.path.realpath(device).split("/")
    return next((part for part in reversed(parts) if _PCI_ADDRESS.fullmatch(part)), None)


def _sriov(device: str) -> SriovFunction | None:
    total = read_count(f"{device}/sriov_totalvfs")
    if total is None:
        return None
    functions = {
        int(match[1]): link_name(f"{device}/{entry}")
        for entry in entry_names(device)
        if (match := _VIRTUAL_FUNCTION.fullmatch(entry)) is not None
    }
    return SriovFunction(
        total_count=total,
        enabled_count=read_count(f"{device}/sriov_numvfs") or 0,
        function_addresses=[functions[index] or "" for index in sorted(functions)],
    )
