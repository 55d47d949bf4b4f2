"""Certificates, and Open vSwitch's database."""

import datetime as dt
import json
from contextlib import suppress

from tests.certificates import Authority, dns
from tests.fuzz.surfaces.recorded_texts import MASKING
from vmfit_agent.networking.ovsdb import bridges_text, read_bridges_from_file
from vmfit_agent.recording.masked_certificates import mask_certificates
from vmfit_contract.x509 import certificates_text, parse_pem


def seeds():
    chain, _ = Authority().issue(dns("hv07.example-site.org"))
    yield b"\0" + chain
    yield b"\0-----BEGIN CERTIFICATE-----\n\xc3\xa9\n-----END CERTIFICATE-----\n"
    ports = {"p0": {"name": "br-int"}, "p1": {"name": "eth0"}}
    bridge = {"b": {"name": "br-int", "ports": ["set", [["uuid", "p0"], ["uuid", "p1"]]]}}
    records = ({"name": "Open_vSwitch", "tables": {}}, {"Port": ports, "Bridge": bridge},
               {"_is_diff": True, "Bridge": {"b": {"ports": ["uuid", "p1"]}}})  # fmt: skip
    yield b"\1" + "".join(f"OVSDB JSON 9 0\n{json.dumps(each)}\n" for each in records).encode()


def read(data):
    text = data[1:].decode("utf-8", "replace")
    if data[:1] == b"\1":
        with suppress(ValueError):
            bridges = read_bridges_from_file(text)
            assert read_bridges_from_file(bridges_text(text)) == bridges
        return
    with suppress(ValueError):
        for certificate in parse_pem(data[1:]):
            assert certificate.not_before.tzinfo is dt.UTC
    mask_certificates(MASKING, certificates_text(text))
