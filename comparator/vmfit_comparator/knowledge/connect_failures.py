"""What becomes of connections that are not made."""

from vmfit.v1.probe_pb2 import ConnectOutcome

FAILURES = {
    ConnectOutcome.CONNECT_OUTCOME_REFUSED: "something refuses the source's connection to",
    ConnectOutcome.CONNECT_OUTCOME_TIMED_OUT: "the source gets no answer from",
    ConnectOutcome.CONNECT_OUTCOME_UNREACHABLE: "the source has no way to",
    ConnectOutcome.CONNECT_OUTCOME_UNRESOLVED: "the source cannot resolve",
}
"""What a connection came to that was not made, for people."""
