"""The reasons of errors: documented, bounded, and what a client reads of them."""

import re
from pathlib import Path

import grpc
import pytest
from google.rpc import error_details_pb2

from vmfit_contract.errors import cause_of, status_of
from vmfit_contract.reasons import NO_CAUSE, Cause, Reason

DOCUMENT = Path(__file__).parents[2] / "docs/errors.md"


def test_every_reason_is_documented():
    assert re.findall(r"^\| `([A-Z_]+)` \| \S", DOCUMENT.read_text(), re.MULTILINE) == list(Reason)


def test_a_status_tells_programs_what_to_do():
    cause = Cause(Reason.AGENT_UNREACHABLE, {"host": "a" * 5000}, 1.5)
    status = status_of(14, "UNAVAILABLE", "gone", "source", cause)
    info, retry = error_details_pb2.ErrorInfo(), error_details_pb2.RetryInfo()
    assert status.details[0].Unpack(info)
    assert status.details[1].Unpack(retry)
    assert (info.reason, info.domain) == ("AGENT_UNREACHABLE", "vmfit")
    assert 0 < len(info.metadata["host"]) <= 256
    assert retry.retry_delay.ToMilliseconds() == 1500


@pytest.mark.parametrize("error", [grpc.RpcError("x"), grpc.RpcError()])
def test_what_is_no_call_has_no_cause(error):
    assert cause_of(error) == NO_CAUSE
