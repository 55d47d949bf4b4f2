"""Nova's own pre-migration checks against the lab's hosts; run by a Python that has nova.

nova_checks.py SOCKET: answers there (peers.py asks); a host is named by the pid of a process in it.
Three steps, each inside the host that nova would ask: what the source's resource tracker knows;
LiveMigrationTask's checks and LibvirtDriver.check_can_live_migrate_destination on the destination;
LibvirtDriver.check_can_live_migrate_source on the source. The code is nova's; what it would get
from its database, Placement, Neutron and Cinder is faked: the instance, its image and flavor
without requests, no volumes, no port bindings. Scheduler filters are not run: they judge flavors
and traits, which a libvirt domain does not have.
"""

import ctypes
import json
import os
import re
import signal
import socket
import sys
import types
import xml.etree.ElementTree as ET
from unittest import mock

os.environ["OS_NOVA_DISABLE_EVENTLET_PATCHING"] = "true"

import libvirt
import nova.conf
from nova import context, exception, objects
from nova.compute import power_state
from nova.conductor.tasks import live_migrate
from nova.virt.libvirt import config as vconfig
from nova.virt.libvirt import driver as libvirt_driver

CONF = nova.conf.CONF
_STATES = {"running": power_state.RUNNING, "paused": power_state.PAUSED}


def main():
    """Answer a line of JSON on each connection to a unix socket, until ended."""
    objects.register_all()
    CONF([], project="nova", default_config_files=[])
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    listening = socket.socket(socket.AF_UNIX)
    listening.bind(sys.argv[1])
    listening.listen()
    while True:
        connection, _ = listening.accept()
        if not os.fork():
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            with connection.makefile("rw") as stream:
                json.dump(_check(json.loads(stream.readline())), stream)
            os._exit(0)
        connection.close()


def _check(told):
    for step, host in ((_report, "source"), (_destination, "destination"), (_source, "source")):
        told |= _inside(told["pids"][host], step, told)
        if "failed" in told:
            return told
    return {key: told[key] for key in ("reasons", "cpu_as_for_kvm")}


def _inside(pid, step, told):
    """Run a step in the namespaces of a process; its answer comes through a pipe."""
    reading, writing = os.pipe()
    child = os.fork()
    if child:
        os.close(writing)
        with os.fdopen(reading) as answer:
            text = answer.read()
        os.waitpid(child, 0)
        return json.loads(text)
    with os.fdopen(writing, "w") as answer:
        spaces = [os.open(f"/proc/{pid}/ns/{each}", os.O_RDONLY) for each in ("net", "uts", "mnt")]
        for space in spaces:
            if ctypes.CDLL(None, use_errno=True).setns(space, 0):
                raise OSError(ctypes.get_errno(), "setns")
        if step is _report:
            told |= _described(told["domain"])
        try:
            json.dump(step(_driver(told), told), answer)
        except Exception as error:  # noqa: BLE001 -- nova could not be asked
            json.dump({"failed": _short(error)}, answer)
    os._exit(0)


def _driver(told):
    CONF.set_override("use_cow_images", False)
    CONF.set_override("virt_type", told["type"], group="libvirt")
    CONF.set_override("images_type", "raw", group="libvirt")
    CONF.set_override("instances_path", told["instances_path"])
    with (
        mock.patch.object(libvirt_driver, "cinder"),
        mock.patch.object(libvirt_driver, "neutron"),
    ):
        driver = libvirt_driver.LibvirtDriver(mock.MagicMock())
    driver._network_api.has_port_binding_extension.return_value = False
    driver._host_can_support_mdev_live_migration = lambda: False
    driver._get_all_assigned_mediated_devices = mock.Mock(return_value={})
    return driver


def _described(domain):
    connection = libvirt.open("qemu:///system")
    found = connection.lookupByName(domain)
    xml = found.XMLDesc(libvirt.VIR_DOMAIN_XML_MIGRATABLE)
    root = ET.fromstring(xml)
    files = [each.get("file") for each in root.iterfind("devices/disk/source[@file]")]
    for each in root.iterfind("devices/disk/source[@pool]"):
        pool = connection.storagePoolLookupByName(each.get("pool"))
        files.append(pool.storageVolLookupByName(each.get("volume")).path())
    cpu = re.search(r"<cpu\b[^>]*/>|<cpu\b.*?</cpu>", xml, re.DOTALL)
    return {
        "type": root.get("type"),
        "instances_path": files[0].rpartition("/")[0] if files else "/var/lib/libvirt/images",
        "cpu": cpu[0] if cpu else "",
        "memory_mb": int(root.findtext("memory")) // 1024,
        "state": "running" if found.state()[0] == libvirt.VIR_DOMAIN_RUNNING else "paused",
        "files": files,
        "volumes": len(root.findall("devices/disk[@type='network']")),
    }


def _compute(driver):
    host = driver._host
    total = host.get_memory_mb_total()
    return {
        "host": host.get_hostname(),
        "memory_mb": total,
        "free_ram_mb": total - host.get_memory_mb_used(),
        "ram_allocation_ratio": 1.0,
        "hypervisor_type": host.get_driver_type(),
        "hypervisor_version": host.get_version(),
        "cpu_info": json.dumps(driver._get_cpu_info(), default=list),
        "free_disk_gb": 1,
        "disk_available_least": 1,
    }


def _instance(told):
    cpu = None
    # nova's own object knows no mode "maximum": it never makes such a guest
    if told["cpu"] and "mode='maximum'" not in told["cpu"]:
        parsed = vconfig.LibvirtConfigGuestCPU()
        parsed.parse_str(told["cpu"])
        cpu = libvirt_driver.LibvirtDriver._cpu_config_to_vcpu_model(None, parsed, None)
    return types.SimpleNamespace(
        uuid="11111111-0000-4000-8000-000000000001",
        name=told["domain"],
        host="source",
        node="source",
        memory_mb=told["memory_mb"],
        power_state=_STATES[told["state"]],
        vcpu_model=cpu,
        numa_topology=None,
        pci_requests=None,
        resources=None,
        flavor=objects.Flavor(extra_specs={}),
        image_meta=objects.ImageMeta(properties=objects.ImageMetaProps()),
        get_network_info=list,
    )


def _report(driver, told):
    return told | {"source_compute": _compute(driver), "reasons": []}


def _destination(driver, told):
    reasons = []
    try:
        libvirt.open("qemu:///system").close()
    except libvirt.libvirtError as error:
        # nova-compute reports the service down, and LiveMigrationTask refuses then
        return {"reasons": [_short(error)], "filename": "", "cpu_as_for_kvm": "not asked"}
    compute = _compute(driver)
    instance = _instance(told)
    reasons += _conductor(instance, told["source_compute"], compute)
    filename = ""
    try:
        data = driver.check_can_live_migrate_destination(
            context.get_admin_context(),
            instance,
            told["source_compute"],
            compute,
            told["block_migration"],
            False,
        )
        filename = data.filename
    except Exception as error:  # noqa: BLE001 -- whatever nova says against it
        reasons.append(_short(error))
    CONF.set_override("virt_type", "kvm", group="libvirt")
    as_for_kvm = "goes"
    try:
        with_model = instance.vcpu_model is not None and instance.vcpu_model.model
        driver._compare_cpu(
            instance.vcpu_model if with_model else None,
            told["source_compute"]["cpu_info"],
            instance,
        )
    except Exception as error:  # noqa: BLE001 -- whatever nova says against it
        as_for_kvm = _short(error)
    return {"reasons": reasons, "filename": filename, "cpu_as_for_kvm": as_for_kvm}


def _conductor(instance, source, destination):
    task = object.__new__(live_migrate.LiveMigrationTask)
    task.instance, task.source, task.destination = instance, "source", "destination"
    computes = {"source": source, "destination": destination}
    task._get_compute_info = lambda host: types.SimpleNamespace(**computes[host])
    reasons = []
    for check in (
        task._check_instance_is_active,
        task._check_instance_has_no_numa,
        task._check_destination_is_not_source,
        task._check_destination_has_enough_memory,
        lambda: task._check_compatible_with_source_hypervisor("destination"),
        task._check_can_migrate_specific_resources,
        lambda: task._check_can_migrate_pci("source", "destination"),
    ):
        try:
            check()
        except exception.NovaException as error:
            reasons.append(_short(error))
    return reasons


def _source(driver, told):
    reasons = told["reasons"]
    if not told["filename"]:
        return {}
    data = objects.LibvirtLiveMigrateData(
        filename=told["filename"],
        image_type="raw",
        block_migration=told["block_migration"],
        disk_over_commit=False,
        disk_available_mb=1024,
        is_volume_backed=bool(told["volumes"]) and not told["files"],
    )
    driver._get_instance_disk_info = mock.Mock(return_value=told["files"])
    driver._assert_dest_node_has_enough_disk = mock.Mock()
    try:
        driver.check_can_live_migrate_source(
            context.get_admin_context(), _instance(told), data, None
        )
    except Exception as error:  # noqa: BLE001 -- whatever nova says against it
        reasons.append(_short(error))
    return {"reasons": reasons}


def _short(error):
    return f"{type(error).__name__}: {' '.join(str(error).split())}"[:300]


if __name__ == "__main__":
    main()
