"""Whether a request of the scheduler is a live migration, and of what."""

from dataclasses import dataclass

from nova import context as contexts
from nova import exception, objects
from nova.compute import task_states
from nova.objects.request_spec import RequestSpec


@dataclass(frozen=True)
class LiveMigration:
    """One instance that leaves its host."""

    instance_uuid: str
    """The UUID of the libvirt domain, too."""
    source_host: str
    request_id: str


def live_migration(spec: RequestSpec) -> LiveMigration | None:
    """Return what is to be migrated; None for every other request.

    A request does not say what it is for (nova 34). Only moves name hosts to leave out, and only a
    live migration has set the instance's task state to migrating
    (nova.compute.api.API.live_migrate).
    """
    if not spec.ignore_hosts:
        return None
    context = spec._context or contexts.get_admin_context()  # noqa: SLF001 -- nova has no other way
    try:
        mapping = objects.InstanceMapping.get_by_instance_uuid(context, spec.instance_uuid)
        with contexts.target_cell(context, mapping.cell_mapping) as cell:
            instance = objects.Instance.get_by_uuid(cell, spec.instance_uuid, expected_attrs=[])
    except (exception.InstanceMappingNotFound, exception.InstanceNotFound):
        return None
    if instance.task_state != task_states.MIGRATING:
        return None
    return LiveMigration(spec.instance_uuid, instance.host, context.request_id or "")
