"""Answers as words, colours and symbols."""

from vmfit.v1.finding_pb2 import Answer, Quality

_COLOURS = {
    Answer.ANSWER_NO: "red",
    Answer.ANSWER_PROBABLY_NO: "magenta",
    Answer.ANSWER_NO_IDEA: "yellow",
    Answer.ANSWER_PROBABLY_YES: "cyan",
    Answer.ANSWER_YES: "green",
}
_SYMBOLS = {
    Answer.ANSWER_NO: "✘",
    Answer.ANSWER_PROBABLY_NO: "✘",
    Answer.ANSWER_PROBABLY_YES: "✔",
    Answer.ANSWER_YES: "✔",
}
_UNKNOWN = ("yellow", "?")


def answer_text(answer: Answer.ValueType, quality: Quality.ValueType) -> str:
    """Return "NO_IDEA", "YES (emulated)" and the like."""
    name = Answer.Name(answer).removeprefix("ANSWER_")
    if quality in (Quality.QUALITY_REDUCED, Quality.QUALITY_EMULATED):
        name += f" ({Quality.Name(quality).removeprefix('QUALITY_').lower()})"
    return name


def colour(answer: Answer.ValueType) -> str:
    """Return the colour of an answer."""
    return _COLOURS.get(answer, _UNKNOWN[0])


def symbol(answer: Answer.ValueType) -> str:
    """Return the symbol of an answer, one cell wide."""
    return _SYMBOLS.get(answer, _UNKNOWN[1])
