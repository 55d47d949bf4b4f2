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
from vmfit.v1.finding_pb2 import Answer
from vmfit_comparator.render.terminal import Terminal, column_widths, printable

_HEADINGS = ("FACT", "ANSWER", "SAID", "GIVEN", "TRUE", "FALSE", "UNTESTED", "OUTCOMES")
_VERDICT = "the verdict"


def show_calibration(response: GetCalibrationResponse) -> Callable[[Terminal], None]:
    """Return what prints a row for each answer of the verdict and of each fact."""
    return lambda terminal: _show(terminal, response)


def reported_text(request: ReportOutcomeRequest, response: ReportOutcomeResponse) -> str:
    """Return one line that tells what was kept."""
    hosts = f"{response.source_host} -> {response.destination_host}"
    answer = Answer.Name(response.answer).removeprefix("ANSWER_")
    line = f"{response.vm_name or 'the VM'}, {hosts}: {_word(request.outcome)}; said was {answer}"
    if response.replaced:
        line += f" (reported before: {_word(response.replaced)})"
    return printable(line)


def _show(terminal: Terminal, response: GetCalibrationResponse) -> None:
    with_outcome = f"{response.outcome_count} of {response.check_count} checks have an outcome"
    terminal.line(with_outcome)
    if not response.outcome_count:
        return
    terminal.line()
    told = [response.verdict, *response.facts]
    rows = [_HEADINGS, *(row for each in told for row in _rows(each))]
    for row in rows:
        terminal.row(row, column_widths(rows), bold=row is _HEADINGS)
    scores = [("", "BRIER", "")]
    scores += [
        (each.fact or _VERDICT, f"{each.brier_score:.3f}", "")
        for each in told
        if each.HasField("brier_score")
    ]
    terminal.line()
    for score in scores:
        terminal.row(score, column_widths(scores))


def _rows(calibration: Calibration) -> list[tuple[str, ...]]:
    return [
        (
            calibration.fact or _VERDICT,
            Answer.Name(each.answer).removeprefix("ANSWER_"),
            f"{each.mean_probability:.0%}" if each.HasField("mean_probability") else "",
            *map(str, (each.given_count, each.came_true_count, each.came_false_count)),
            str(each.untested_count),
            _outcomes(each),
        )
        for each in calibration.answers
    ]


def _outcomes(answer: AnswerCalibration) -> str:
    return ", ".join(f"{each.count} {_word(each.outcome)}" for each in answer.outcomes)


def _word(outcome: MigrationOutcome.ValueType) -> str:
    return MigrationOutcome.Name(outcome).removeprefix("MIGRATION_OUTCOME_").lower()
