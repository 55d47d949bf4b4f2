"""Changes to a healthy migration that concern memory."""

OFFLINE = {"options.offline": True}
WHOLE = {"vm.memory.preallocated": True}
HUGE = {"vm.memory.uses_huge_pages": True}
LIMIT = "destination.kernel.limits"
