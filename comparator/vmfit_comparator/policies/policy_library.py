"""The policies that an engine knows, and those that come with requests."""

import threading
from collections import OrderedDict
from collections.abc import Iterable, Mapping

import grpc

from vmfit.v1.comparator_service_pb2 import PolicyReference
from vmfit.v1.policy_pb2 import Policy
from vmfit_comparator.engine_error import EngineError
from vmfit_comparator.evaluation.fact import Fact
from vmfit_comparator.policies.policy import (
    BUILT_IN_NAMES,
    PolicyError,
    ResolvedPolicy,
    built_in_policy,
    resolve_policy,
)

_MAX_INLINE = 64


class PolicyLibrary:
    """Resolved policies: by name, and the latest that came by content. Safe to use from threads."""

    def __init__(self, policies: Iterable[Policy], facts: Mapping[str, Fact]) -> None:
        """Resolve `policies`, the built-in ones when asked for. PolicyError for a bad one."""
        self._facts = facts
        self._named = {each.name: resolve_policy(each, facts) for each in policies}
        self._inline: OrderedDict[bytes, ResolvedPolicy] = OrderedDict()
        self._lock = threading.Lock()

    @property
    def default(self) -> ResolvedPolicy:
        """The policy of requests that name none."""
        return self._by_name("default")

    @property
    def user_facts(self) -> Mapping[str, Fact]:
        """The facts that the named policies declare, by id; of equal ids the first one."""
        found: dict[str, Fact] = {}
        for policy in self._named.values():
            own = (each for each in policy.facts.values() if each.user_defined)
            for each in own:
                found.setdefault(each.id, each)
        return found

    def resolve(self, reference: PolicyReference) -> ResolvedPolicy:
        """Return the policy that a request means. Raises EngineError naming the field."""
        if reference.WhichOneof("policy") != "inline":
            name = reference.name or "default"
            return self._by_name(name)
        key = reference.inline.SerializeToString(deterministic=True)
        with self._lock:
            resolved = self._inline.get(key)
            if resolved is None:
                try:
                    resolved = resolve_policy(reference.inline, self._facts)
                except PolicyError as error:
                    raise _invalid(f"policy.inline.{error.field}", error.reason) from None
                self._inline[key] = resolved
            self._inline.move_to_end(key)
            while len(self._inline) > _MAX_INLINE:
                self._inline.popitem(last=False)
            return resolved

    def _by_name(self, name: str) -> ResolvedPolicy:
        with self._lock:
            if name not in self._named:
                if name not in BUILT_IN_NAMES:
                    known = ", ".join(dict.fromkeys((*BUILT_IN_NAMES, *self._named)))
                    message = f"no policy is called {name!r}; there are {known}"
                    raise _invalid("policy.name", message)
                self._named[name] = resolve_policy(built_in_policy(name), self._facts)
            return self._named[name]


def _invalid(field: str, reason: str) -> EngineError:
    return EngineError(grpc.StatusCode.INVALID_ARGUMENT, f"{field}: {reason}", field)
