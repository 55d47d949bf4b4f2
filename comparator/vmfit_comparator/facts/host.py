"""Facts about the hosts as such: do they answer, are they two, may guests come?"""

from vmfit.v1.finding_pb2 import (
    ChangeMigrationOption,
    ChooseHost,
    Remedy,
    RestartService,
)
from vmfit.v1.snapshot_pb2 import Snapshot
from vmfit_comparator.connections import connection_errors, connection_for
from vmfit_comparator.fact import fact
from vmfit_comparator.migration import Migration
from vmfit_comparator.outcome import Outcome, no, no_idea, probably_no, probably_yes, yes

# What libvirt and the kernel say when no daemon listens, in contrast to "may not ask".
_NO_DAEMON = ("connection refused", "no such file", "cannot recv data", "failed to start daemon")
# What decides which connection would run the VM.
_VM = ("vm.domain_type", "vm.connection_uri")


@fact("host.reachable", question="Do both hosts' agents answer, and lately enough?")
def reachable(migration: Migration) -> Outcome:
    """Ask whether both agents answered, and how old their answers are.

    YES when both answers are as fresh as the policy wants volatile fields; PROBABLY_YES when one
    is older; NO_IDEA beyond the policy's bound. An agent that does not answer is PROBABLY_NO:
    mostly its host is down, sometimes only the agent is.

    Source: the agents' answers; policy freshness.volatile_fields.
    """
    if migration.unreachable:
        sides = "; ".join(
            f"the {side}'s agent: {why}" for side, why in migration.unreachable.items()
        )
        remedy = Remedy(
            summary="Start vmfit-agent there, or check the network to it",
            restart_service=RestartService(name="vmfit-agent"),
        )
        return probably_no(sides, remedies=[remedy])
    bound = migration.policy.freshness.volatile_fields
    ages = {
        "source": migration.source_age_seconds,
        "destination": migration.destination_age_seconds,
    }
    side = max(ages, key=lambda name: ages[name])
    seen = f"the older snapshot, the {side}'s, is {ages[side]:.0f} s old"
    if ages[side] <= bound.fresh_seconds:
        return yes(seen)
    if ages[side] <= bound.stale_seconds:
        return probably_yes(seen)
    return no_idea(seen, missing=[f"{side}.taken_at"])


@fact(
    "host.same_machine",
    question="Are source and destination two hosts, by the names they call themselves?",
    reads=("source.identity", "destination.identity"),
    also_reads=("source.hypervisor.connections", "destination.hypervisor.connections", *_VM),
)
def same_machine(migration: Migration) -> Outcome:
    """Compare what libvirt compares: the hosts' libvirt UUIDs, and the name the destination gives.

    The same libvirt host UUID is NO: libvirt refuses it, also for clones. Without both UUIDs the
    same firmware UUID, libvirt's default, is PROBABLY_NO. Without a migration URI (and not
    tunnelled) the destination tells the source to connect to its own host name: a name that starts
    with "localhost" is refused, NO; the source's own name leads back to the source, PROBABLY_NO.
    A machine id or boot id in common (clones, containers) does not matter.

    Source: libvirt docs/migration.rst; qemuMigrationCookie's host UUID; lab measurements.
    """
    source, destination = _host_uuid(migration, "source"), _host_uuid(migration, "destination")
    if source and source == destination:
        return no(f"both hosts have the libvirt host UUID {source}", remedies=[_OWN_UUID])
    if not (source and destination):
        product = migration.source.identity.product_uuid
        if product and product == migration.destination.identity.product_uuid:
            return probably_no(f"both hosts have the firmware UUID {product}", remedies=[_OWN_UUID])
    return _named_apart(migration)


_OWN_UUID = Remedy(
    summary="Give each host its own host_uuid in libvirtd.conf, or choose another destination",
    choose_host=ChooseHost(why="source and destination are the same host to libvirt"),
)


def _host_uuid(migration: Migration, side: str) -> str:
    snapshot: Snapshot = getattr(migration, side)
    connection = connection_for(migration.vm, snapshot)
    from_connection = connection.host_uuid if connection is not None else ""
    return (from_connection or snapshot.identity.libvirt_host_uuid).lower()


def _named_apart(migration: Migration) -> Outcome:
    options = migration.options
    source, destination = _own_name(migration, "source"), _own_name(migration, "destination")
    remedy = Remedy(
        summary="Give --migrateuri with the destination's address, or fix its host name",
        change_migration_option=ChangeMigrationOption(option="--migrateuri"),
    )
    if options.migration_uri or options.tunnelled or options.offline:
        return yes(f"{source} and {destination} are two hosts")
    if destination.startswith("localhost"):
        return no(f"the destination calls itself {destination}", remedies=[remedy])
    if destination and destination == source:
        text = f"both hosts call themselves {source}, so the source would connect to itself"
        return probably_no(text, probability=0.05, remedies=[remedy])
    return yes(f"{source} and {destination} are two hosts")


def _own_name(migration: Migration, side: str) -> str:
    snapshot: Snapshot = getattr(migration, side)
    connection = connection_for(migration.vm, snapshot)
    told = connection.hostname if connection is not None else ""
    return told or snapshot.identity.canonical_hostname or snapshot.identity.hostname


@fact(
    "host.libvirt",
    question="Does the destination's libvirt answer?",
    also_reads=("destination.hypervisor.connections", "destination.parts", *_VM),
)
def libvirt(migration: Migration) -> Outcome:
    """Ask whether the agent could talk to the libvirt that would run the VM there.

    YES when a connection answered; NO when no daemon listens (refused, no socket). An agent
    that may not ask, or that has no libvirt bindings, proves nothing: NO_IDEA with its error.

    Source: virConnectOpen.
    """
    destination = migration.destination
    connection = connection_for(migration.vm, destination)
    if connection is not None:
        return yes(f"{connection.uri} answers")
    errors = connection_errors(destination)
    if not destination.HasField("hypervisor"):
        status = next((each for each in destination.parts if each.name == "hypervisor"), None)
        if status is None or not status.error:
            return no_idea("nothing is known of libvirt", missing=["destination.hypervisor"])
        errors = {"libvirt": status.error}
    if not errors:
        return yes("libvirt answers")
    text = "; ".join(f"{uri}: {error}" for uri, error in errors.items())
    if all(any(word in error.lower() for word in _NO_DAEMON) for error in errors.values()):
        remedy = Remedy(
            summary="Start the destination's libvirt daemon (virtqemud or libvirtd)",
            command="systemctl start virtqemud.socket",
            restart_service=RestartService(name="virtqemud"),
        )
        return no(text, remedies=[remedy])
    return no_idea(text, missing=["destination.hypervisor.connections"])


@fact(
    "host.schedulable",
    question="Does the destination take guests?",
    applies_if=("destination.attributes.values",),
    reads=("destination.attributes.values",),
)
def schedulable(migration: Migration) -> Outcome:
    """Heed what the operators say of the host in its `schedulable` attribute.

    The attribute file schedulable.json: {"state": "enabled"|"draining"|"maintenance", "reason":
    "..."}. enabled, or no such file, is YES; draining PROBABLY_NO; maintenance NO; anything else
    NO_IDEA.

    Source: /etc/vmfit/attributes.d/schedulable.json.
    """
    attribute = migration.destination.attributes.values
    if "schedulable" not in attribute:
        return yes("no operator says otherwise")
    fields = attribute["schedulable"].fields
    state = fields["state"].string_value if "state" in fields else ""
    why = fields["reason"].string_value if "reason" in fields else ""
    text = f"the operators say {state or 'nothing'}" + (f": {why}" if why else "")
    remedy = Remedy(
        summary="Choose another host, or end the maintenance", choose_host=ChooseHost(why=text)
    )
    if state == "enabled":
        return yes(text)
    if state == "draining":
        return probably_no(text, remedies=[remedy])
    if state == "maintenance":
        return no(text, remedies=[remedy])
    return no_idea(f"schedulable.json has the state {state!r}, which means nothing here")


FACTS = (reachable, same_machine, libvirt, schedulable)
