"""Secrets that a guest needs, its security labels and its launch security."""

from collections.abc import Iterator
from xml.etree.ElementTree import Element

from vmfit.v1.vm_pb2 import LaunchSecurity, SecretUse, SecurityLabel
from vmfit_agent.xml_document import attribute, child_text, flag, number


def read_secrets(domain: Element) -> list[SecretUse]:
    """Return the secrets by UUID or usage, each once for each user; values are never in XML."""
    return list({secret.SerializeToString(): secret for secret in _secrets(domain)}.values())


def _secrets(domain: Element) -> Iterator[SecretUse]:
    for disk in domain.iterfind("devices/disk"):
        user = f"disk {attribute(disk, 'target', 'dev') or '?'}"
        yield from (_secret(element, user) for element in disk.iter("secret"))
    for device in domain.iterfind("devices/hostdev"):
        yield from (_secret(element, "hostdev") for element in device.iter("secret"))
    for backend in domain.iterfind("devices/tpm/backend/encryption"):
        if backend.get("secret"):
            yield SecretUse(uuid=(backend.get("secret") or "").lower(), type="vtpm", user="tpm")


def _secret(element: Element, user: str) -> SecretUse:
    uuid = element.get("uuid")
    return SecretUse(
        uuid=uuid.lower() if uuid else None,
        usage=element.get("usage"),
        type=element.get("type") or "",
        user=user,
    )


def read_security_labels(domain: Element) -> list[SecurityLabel]:
    """Return the domain's own <seclabel> elements, in the XML's order."""
    return [
        SecurityLabel(
            model=element.get("model") or "",
            type=element.get("type") or "",
            label=child_text(element, "label"),
            relabel=flag(element.get("relabel")),
        )
        for element in domain.iterfind("seclabel")
    ]


def read_launch_security(domain: Element) -> LaunchSecurity | None:
    """Return the encryption that the guest was launched with; None without any."""
    element = domain.find("launchSecurity")
    if element is None:
        return None
    # SEV-SNP's policy has 64 bits, of which the upper 32 are reserved.
    return LaunchSecurity(
        type=element.get("type") or "", policy=number(child_text(element, "policy"))
    )
