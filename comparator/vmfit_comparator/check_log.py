"""A line of the log for each answer about a VM and a destination, for who wants to know all."""

import logging

from vmfit.v1.comparator_service_pb2 import CheckResponse
from vmfit.v1.finding_pb2 import Answer
from vmfit_contract.access import Caller

_LOG = logging.getLogger(__name__)


def log_check(response: CheckResponse, caller: Caller) -> None:
    """Write what was answered to whom, when everything is written."""
    if not _LOG.isEnabledFor(logging.DEBUG):
        return
    subject, answer = response.subject, Answer.Name(response.verdict.answer)
    fields = {
        "HOST": subject.destination_host,
        "SOURCE_HOST": subject.source_host,
        "VM": subject.vm_name,
        "CHECK_ID": subject.check_id,
        "CALLER": caller.name,
        "ANSWER": answer,
    }
    _LOG.debug(
        "%s from %s to %s for %s: %s", subject.vm_name, subject.source_host,
        subject.destination_host, caller.name, answer,
        extra={"fields": {name: value for name, value in fields.items() if value}},
    )  # fmt: skip
