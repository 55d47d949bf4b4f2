"""How often answers came true, for people."""

from collections.abc import Callable

from vmfit.v1.calibration_pb2 import (
    AnswerCalibration,
    Calibration,
    GetCalibrationResponse,
    MigrationOutcome,
    ReportOutcomeRequest,
    ReportOutcomeResponse,
)
from vmfit.v1.finding_pb2 import Answer, Quality
from vmfit_comparator.render.answers import answer_text
from vmfit_comparator.render.terminal import Terminal, column_widths
from vmfit_contract.printable import printable

_HEADINGS = ("FACT", "ANSWER", "SAID", "TRUE", "FALSE", "UNTESTED", "BRIER", "OUTCOMES")
_FIRM = (Answer.ANSWER_NO, Answer.ANSWER_YES)


def show_calibration(response: GetCalibrationResponse) -> Callable[[Terminal], None]:
    """Return what prints a row for each answer of the verdict and of each fact."""
    return lambda terminal: _show(terminal, response)


def reported_text(request: ReportOutcomeRequest, response: ReportOutcomeResponse) -> str:
    """Return one line that tells what was kept."""
    hosts = f"{response.source_host} -> {response.destination_host}"
    answer = answer_text(response.answer, Quality.QUALITY_UNSPECIFIED)
    line = f"{response.vm_name or 'the VM'}, {hosts}: {_word(request.outcome)}; said was {answer}"
    if response.replaced:
        line += f" (reported before: {_word(response.replaced)})"
    return printable(line)


def _show(terminal: Terminal, response: GetCalibrationResponse) -> None:
    terminal.line(f"{response.outcome_count} of {response.check_count} checks have an outcome")
    if not response.outcome_count:
        return
    terminal.line()
    told = [
        (_cells(fact, index), each.answer in _FIRM and each.came_false_count)
        for fact in (response.verdict, *response.facts)
        for index, each in enumerate(fact.answers)
    ]
    widths = column_widths([_HEADINGS, *(cells for cells, _ in told)])
    terminal.row(_HEADINGS, widths, bold=True)
    for cells, is_firmly_wrong in told:
        terminal.row(cells, widths, colour="red" if is_firmly_wrong else None)


def _cells(calibration: Calibration, index: int) -> tuple[str, ...]:
    """Return one answer's row; what is said of the whole fact stands in its first."""
    answer = calibration.answers[index]
    has_score = index == 0 and calibration.HasField("brier_score")
    return (
        calibration.fact or "the verdict",
        answer_text(answer.answer, Quality.QUALITY_UNSPECIFIED),
        f"{answer.mean_probability:.0%}" if answer.HasField("mean_probability") else "",
        str(answer.came_true_count),
        str(answer.came_false_count),
        str(answer.untested_count),
        f"{calibration.brier_score:.3f}" if has_score else "",
        _outcomes(answer),
    )


def _outcomes(answer: AnswerCalibration) -> str:
    return ", ".join(f"{each.count} {_word(each.outcome)}" for each in answer.outcomes)


def _word(outcome: MigrationOutcome.ValueType) -> str:
    return MigrationOutcome.Name(outcome).removeprefix("MIGRATION_OUTCOME_").lower()
