"""Does the destination's libvirt let the migration's connection in?"""

from urllib.parse import urlsplit

from vmfit_comparator.evaluation.case import Case
from vmfit_comparator.evaluation.fact import fact
from vmfit_comparator.evaluation.remedies import change_definition
from vmfit_comparator.evaluation.result import (
    Result,
    no,
    not_applicable,
    probably_no,
    probably_yes,
    yes,
)
from vmfit_comparator.knowledge.migration_ways import libvirt_place

# What the daemon does where its file does not say.
_DEFAULTS = {"tcp": "sasl", "tls": "none"}


@fact(
    needs="destination.security",
    reads=(
        *("destination.security.libvirtd_conf", "destination.security.sasl"),
        "options.destination_uri",
    ),
    offline=True,
)
def libvirt_auth(case: Case) -> Result:
    """Look at what the destination's daemon asks of those who connect by TCP or TLS.

    No authentication is YES. SASL without a database of passwords lets nobody in: NO; without a
    keytab PROBABLY_NO, as Kerberos may be told of another one. With them it is PROBABLY_YES, as
    nobody knows what the client can show.

    Source: libvirtd.conf, auth_tcp and auth_tls; /etc/sasl2/libvirt.conf.
    """
    if libvirt_place(case) is None:
        return not_applicable("does not apply: neither TCP nor TLS leads to libvirt")
    scheme = urlsplit(case.options.destination_uri).scheme
    transport = scheme.partition("+")[2] or "tls"
    security = case.destination.security
    conf = security.libvirtd_conf
    # A file that could not be read looks like one that sets nothing.
    if transport not in _DEFAULTS or not conf:
        return not_applicable("what the destination's libvirt asks for is not known")
    asked = conf.get(f"auth_{transport}", _DEFAULTS[transport])
    if asked != "sasl":
        return yes(f"auth_{transport} is {asked}")
    mechanisms = " or ".join(security.sasl.mechanisms) or "any mechanism"
    text = f"auth_{transport} is sasl, by {mechanisms}"
    if security.sasl.HasField("credentials_present") and not security.sasl.credentials_present:
        remedy = change_definition(
            "Set up SASL on the destination", "libvirtd.conf", f"auth_{transport}"
        )
        text = f"{text}: no keytab or password database is there"
        if {"gssapi", "gss-spnego"}.isdisjoint(security.sasl.mechanisms or ["gssapi"]):
            return no(text, remedies=[remedy])
        return probably_no(text, probability=0.05, remedies=[remedy])
    return probably_yes(f"{text}; what the client can show is not known", probability=0.7)
