"""Measure real migrations beside their estimates: `make reality-times`.

Both hosts of the lab stay up; one guest after another is started, asked about, and migrated. What
was given and what came of it is added to times.json; what is there already is not measured again.
Needs root, Debian's libvirt and QEMU, and bindfs.
"""

import argparse
import json
import os
import shlex
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import grpc
from agents import ask, end_agent, start_agent
from google.protobuf import json_format
from guest import SECTOR, disk_image, parameters, read_pulse, wait_until_alive
from lab import PLAIN, Lab, LabError
from measure import completed_job
from scenario import DOMAIN, GUEST_UUID, domain_xml
from timed import OUTCOMES, Timed, load

from vmfit.v1.host_metadata_service_pb2 import ProbeRequest
from vmfit.v1.host_metadata_service_pb2_grpc import HostMetadataStub
from vmfit.v1.probe_pb2 import MeasureDirtyRate, Probe

_MIB = 1 << 20
_MEMORY = ("vm.memory.maximum_bytes", "vm.memory.resident_bytes")
_LONGEST_SECONDS = 60
_PROFILE = "maximum_total_seconds: 1d\nmaximum_downtime_seconds: 1d\n"
_DISK = """<disk type='file' device='disk'><driver name='qemu' type='raw' cache='none'/>
<source file='/srv/local/data.img'/><target dev='vdb' bus='virtio'/></disk>"""
_CERTIFICATES = f"""
mkdir -p {PLAIN}/pki && cd {PLAIN}/pki
[ -e ca.pem ] || openssl req -x509 -newkey rsa:2048 -nodes -days 9 -subj /CN=authority \
  -keyout ca.key -out ca.pem 2> /dev/null
mkdir /srv/local/pki && cp ca.pem /srv/local/pki/ca-cert.pem
name=$(hostname)
openssl req -newkey rsa:2048 -nodes -subj /CN=$name -keyout $name.key -out $name.csr 2> /dev/null
printf "subjectAltName=DNS:$name\nextendedKeyUsage=serverAuth,clientAuth\n" > $name.ext
openssl x509 -req -in $name.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 9 \
  -extfile $name.ext -out $name.pem 2> /dev/null
for role in server client; do
  cp $name.pem /srv/local/pki/$role-cert.pem && cp $name.key /srv/local/pki/$role-key.pem
done
echo 'migrate_tls_x509_cert_dir = "/srv/local/pki"' >> /etc/libvirt/qemu.conf
"""


def main() -> int:
    """Measure what is not known yet, for as long as it may take; return how many lab failures."""
    options = _options()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    known: dict[str, Any] = json.loads(OUTCOMES.read_text()) if OUTCOMES.exists() else {}
    wanted = [each for each in load() if not options.only or options.only in each.line]
    missing = [each for each in wanted if options.again or each.line not in known]
    until = time.monotonic() + options.seconds
    failed = 0
    for index in range(0, len(missing), options.guests):
        if time.monotonic() < until:
            failed += _measure(missing[index : index + options.guests], known, until)
    print(f"{len(known)} migrations are known, {failed} could not be measured")
    return min(failed, 100)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="reality-times", description=__doc__)
    parser.add_argument("--only", default="", help="lines of times.yaml that contain this")
    parser.add_argument("--again", action="store_true", help="measure what is known, too")
    parser.add_argument("--seconds", type=float, default=36000, help="begin nothing after that")
    parser.add_argument("--guests", type=int, default=12, help="for each lab (default: 12)")
    options = parser.parse_args()
    if os.geteuid() != 0:
        parser.error("needs root for namespaces")
    return options


def _measure(timed: Sequence[Timed], known: dict[str, Any], until: float) -> int:
    """Measure some, in one lab; what is known is kept after each."""
    work = Path(tempfile.mkdtemp(prefix="vmfit-", dir="/tmp"))
    policy = work / "policy.yaml"
    policy.write_text(_PROFILE)
    agents = []
    failed = 0
    host = {"before_libvirt": f"set -e\n{_CERTIFICATES}"}
    try:
        with Lab(work / "lab", source=host, **host) as lab:
            sockets = [work / f"{each.name}.sock" for each in lab.hosts]
            try:
                for each, socket in zip(lab.hosts, sockets, strict=True):
                    agents.append(start_agent(each.enter(), socket, work / f"{each.name}.log"))
                for each in timed:
                    if time.monotonic() > until:
                        break
                    try:
                        known[each.line] = _one(lab, each, sockets, policy)
                    except Exception as error:  # noqa: BLE001 -- the others go on
                        print(f"{each.line}: {type(error).__name__}: {error}", flush=True)
                        failed += 1
                        continue
                    finally:
                        _clear(lab)
                    OUTCOMES.write_text(_text(known))
                    _tell(each, known[each.line])
            finally:
                for each in agents:
                    end_agent(each)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    return failed


def _text(known: Mapping[str, Any]) -> str:
    """One migration a line, so that a change shows what changed."""
    lines = [f"{json.dumps(line)}: {json.dumps(known[line])}" for line in sorted(known)]
    return "{\n" + ",\n".join(lines) + "\n}\n"


def _one(lab: Lab, timed: Timed, sockets: Sequence[Path], policy: Path) -> dict[str, Any]:
    _start(lab, timed)
    uri = f"qemu+tcp://{lab.destination.name}/system"
    words = [*timed.options, DOMAIN, uri]
    answer = ask(*sockets, words, None, policy=policy)
    given = _given(answer, sockets[0], timed.disk_mib)
    began = time.monotonic()
    command = shlex.join(
        ["timeout", "-s", "INT", str(_LONGEST_SECONDS), "virsh", "migrate", *words]
    )
    done = lab.source.run(command, check=False, timeout=_LONGEST_SECONDS + 60)
    seconds = time.monotonic() - began
    ended = done.returncode == 0
    if not ended and seconds < _LONGEST_SECONDS - 1:
        raise LabError(done.stderr.strip())
    measured = completed_job(lab.destination, DOMAIN) if ended else {}
    if measured:
        measured["job_seconds"] = measured["total_seconds"]
    measured["total_seconds"] = round(seconds, 3)
    return {
        "given": given,
        "estimate": answer["estimate"],
        "options": list(timed.options),
        "ended": ended,
        "measured": measured,
        "load": round(os.getloadavg()[0], 1),
    }


def _clear(lab: Lab) -> None:
    for host in lab.hosts:
        host.run(f"virsh -q destroy {DOMAIN}", check=False)


def _start(lab: Lab, timed: Timed) -> None:
    """Start the guest, let it fill its memory, and have it write from then on what it shall."""
    image = lab.shared / "guest.img"
    first = timed.filled_mib or timed.busy_mib
    image.write_bytes(disk_image(busy_mib=first))
    devices = ""
    for host in lab.hosts if timed.disk_mib else ():
        data = host.state / "local/data.img"
        data.write_bytes(os.urandom(_MIB) * timed.disk_mib if host is lab.source else b"")
        os.truncate(data, timed.disk_mib * _MIB)
        devices = _DISK
    guest = {"memory_mib": timed.memory_mib, "devices": devices}
    (lab.source.state / "local/guest.xml").write_text(domain_xml(guest))
    lab.source.run("virsh -q create /srv/local/guest.xml")
    if not wait_until_alive(lab.source, DOMAIN, seconds=120):
        raise LabError(f"{timed.line}: the guest does not come up")
    with image.open("r+b") as file:
        file.seek(SECTOR)
        file.write(parameters(busy_mib=timed.busy_mib, pace_pages=timed.pace_pages))
    if timed.downtime_ms:
        lab.source.run(f"virsh -q migrate-setmaxdowntime {DOMAIN} {timed.downtime_ms}")
    # It has read its new parameters when it counted twice more.
    pulse = read_pulse(lab.source, DOMAIN)
    until = time.monotonic() + 60
    while pulse and time.monotonic() < until:
        now = read_pulse(lab.source, DOMAIN)
        if now and now.counter > pulse.counter + 2:
            return
        time.sleep(0.1)
    raise LabError(f"{timed.line}: the guest does not go on")


def _given(answer: Mapping[str, Any], source: Path, disk_mib: int) -> dict[str, Any]:
    """Return what the estimate rests on, by field path."""
    (found,) = [each for each in answer["findings"] if each["fact"] == "vm.total_time"]
    values = {each["path"]: each["value"] for each in found["evidence"]}
    given: dict[str, Any] = {each: int(values[each]) for each in _MEMORY}
    given["probes.dirty_rate"] = {"answer": _dirty_rate(source)}
    if disk_mib:
        given["vm.disks[0].source.allocation_bytes"] = disk_mib * _MIB
    return given


def _dirty_rate(source: Path) -> dict[str, Any]:
    """Ask the agent once more: it tells of the measurement that the answer rests on."""
    question = MeasureDirtyRate(uuid=GUEST_UUID, period_seconds=1)
    with grpc.insecure_channel(f"unix:{source}") as channel:
        request = ProbeRequest(probes=[Probe(measure_dirty_rate=question)])
        (told,) = HostMetadataStub(channel).Probe(request, timeout=30).results
    if told.error:
        raise LabError(f"the dirty rate was not measured: {told.error}")
    return json_format.MessageToDict(told.dirty_rate, preserving_proto_field_name=True)


def _tell(timed: Timed, told: Mapping[str, Any]) -> None:
    measured, total = told["measured"], told["estimate"]["totalSeconds"]
    stands = measured.get("downtime_seconds", float("nan"))
    print(
        f"{timed.line:62} {measured['total_seconds']:7.2f} s {stands:7.3f} s"
        f" {measured.get('sent_bytes', 0) / _MIB:8.1f} MiB   estimated"
        f" {total.get('expected', 0):.2f} ({total['low']:.2f} to {total.get('high', 0):.2f})",
        flush=True,
    )


if __name__ == "__main__":
    sys.exit(main())
