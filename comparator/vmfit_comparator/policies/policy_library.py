"""The policies that an engine knows, and those that come with requests."""

import threading
from collections import OrderedDict
from collections.abc import Iterable, Mapping

import grpc

from vmfit.v1.comparator_service_pb2 import PolicyReference
from vmfit.v1.policy_pb2 import Policy
from vmfit_comparator.engine_error import EngineError, invalid
from vmfit_comparator.evaluation.fact import Fact
from vmfit_comparator.policies.cel.interpreter import Interpreter
from vmfit_comparator.policies.policy import (
    BUILT_IN_NAMES,
    ResolvedPolicy,
    built_in_policy,
    resolve_policy,
)
from vmfit_comparator.policies.policy_error import PolicyError
from vmfit_comparator.policies.policy_file import PolicyFile
from vmfit_contract.reasons import Cause, Reason
from vmfit_contract.spelling import meant_or_known

_RETRY_SECONDS = 5.0
_MAX_INLINE = 64
_MAX_INLINE_BYTES = 128 * 1024


class PolicyLibrary:
    """Resolved policies: by name, and the latest that came by content. Safe to use from threads.

    What comes with requests has processes of its own for its expressions: however long these take,
    the configured policies are not kept waiting.
    """

    def __init__(self, policies: Iterable[Policy | PolicyFile], facts: Mapping[str, Fact]) -> None:
        """Resolve `policies`, the built-in ones when asked for. PolicyError for a bad one."""
        self._facts = facts
        self._interpreter, self._inline_interpreter = Interpreter(), Interpreter()
        self._named: dict[str, ResolvedPolicy] = {}
        self._inline: OrderedDict[bytes, ResolvedPolicy] = OrderedDict()
        self._lock = threading.Lock()
        try:
            for each in policies:
                resolved = self._configured(each)
                self._named[resolved.message.name] = resolved
        except PolicyError:
            self.close()
            raise

    def close(self) -> None:
        """End the processes that evaluate expressions."""
        self._interpreter.close()
        self._inline_interpreter.close()

    @property
    def default(self) -> ResolvedPolicy:
        """The policy of requests that name none."""
        return self._by_name("default")

    @property
    def user_facts(self) -> Mapping[str, Fact]:
        """The facts that the named policies declare, by id; of equal ids the first one."""
        found: dict[str, Fact] = {}
        with self._lock:
            policies = list(self._named.values())
        for policy in policies:
            own = (each for each in policy.facts.values() if each.user_defined)
            for each in own:
                found.setdefault(each.id, each)
        return found

    def resolve(self, reference: PolicyReference) -> ResolvedPolicy:
        """Return the policy that a request means. Raises EngineError naming the field."""
        if reference.WhichOneof("policy") != "inline":
            return self._by_name(reference.name or "default")
        if reference.inline.ByteSize() > _MAX_INLINE_BYTES:
            raise invalid("policy.inline", f"larger than {_MAX_INLINE_BYTES} bytes")
        key = reference.inline.SerializeToString(deterministic=True)
        with self._lock:
            resolved = self._inline.get(key)
        if resolved is None:
            # Outside of the lock: compiling takes as long as the sender wants, within bounds.
            resolved = self._resolved_inline(reference.inline)
        with self._lock:
            self._inline[key] = resolved
            self._inline.move_to_end(key)
            while len(self._inline) > _MAX_INLINE:
                self._inline.popitem(last=False)
        return resolved

    def _configured(self, policy: Policy | PolicyFile) -> ResolvedPolicy:
        if isinstance(policy, Policy):
            return resolve_policy(policy, self._facts, self._interpreter)
        try:
            return resolve_policy(policy.policy, self._facts, self._interpreter)
        except PolicyError as error:
            raise policy.located(error) from None

    def _resolved_inline(self, policy: Policy) -> ResolvedPolicy:
        own = Policy()
        own.CopyFrom(policy)
        try:
            return resolve_policy(own, self._facts, self._inline_interpreter)
        except PolicyError as error:
            field = f"policy.inline.{error.field}"
            if error.is_passing:
                message = f"{field}: {error.reason}"
                cause = Cause(Reason.OVERLOADED, retry_seconds=_RETRY_SECONDS)
                raise EngineError(grpc.StatusCode.UNAVAILABLE, message, field, cause) from None
            raise invalid(field, error.reason, Cause(Reason.POLICY_UNUSABLE)) from None

    def _by_name(self, name: str) -> ResolvedPolicy:
        with self._lock:
            if name not in self._named:
                if name not in BUILT_IN_NAMES:
                    known = dict.fromkeys((*BUILT_IN_NAMES, *self._named))
                    hint = meant_or_known(name, known)
                    message = f"no policy is called {name[:100]!r}{hint}"
                    cause = Cause(Reason.POLICY_UNKNOWN, {"policy": name})
                    raise invalid("policy.name", message, cause)
                # These have no expressions: no process is waited for.
                self._named[name] = resolve_policy(
                    built_in_policy(name), self._facts, self._interpreter
                )
            return self._named[name]
