"""Manual pages of a program and its commands, from what --help says."""

import inspect
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import click

_COMMON_STATUSES = (
    ("0", "Yes; or what was to be done is done."),
    ("1", "No: not acceptable, different, not in order. Of a service: it may be started again."),
    ("2", "There is no answer: somebody could not be asked, or the output not be written."),
    ("3", "What was typed, a file that it names or a setting has to change first."),
    ("141", "Who read the output went away (SIGPIPE)."),
)
_KEPT_LINES = "\b"


@dataclass(frozen=True, slots=True)
class About:
    """What a page says that --help does not."""

    version: str
    files: Sequence[tuple[str, str]] = ()
    """Paths, and what they are."""
    see_also: Sequence[str] = ()
    """Pages of other programs: "virsh(1)"."""


def man_pages(group: click.Group, program: str, about: About) -> dict[str, str]:
    """Return the pages by the names of their files, the program's own first."""
    root = click.Context(group, info_name=program, **group.context_settings)
    return {f"{_page_name(each)}.1": _page(each, about) for each in _contexts(root)}


def _contexts(ctx: click.Context) -> Iterator[click.Context]:
    yield ctx
    if isinstance(ctx.command, click.Group):
        for name in ctx.command.list_commands(ctx):
            command = ctx.command.get_command(ctx, name)
            if command is not None and not command.hidden:
                yield from _contexts(click.Context(command, info_name=name, parent=ctx))


def _page_name(ctx: click.Context) -> str:
    return "-".join(_names(ctx))


def _names(ctx: click.Context) -> list[str]:
    above = _names(ctx.parent) if ctx.parent else []
    return [*above, ctx.info_name or ""]


def _page(ctx: click.Context, about: About) -> str:
    command, name = ctx.command, _page_name(ctx)
    program = _names(ctx)[0]
    short = command.get_short_help_str(200).rstrip(".")
    usage = " ".join(command.collect_usage_pieces(ctx))
    lines = [
        f'.TH "{_text(name.upper())}" "1" "" "{program} {about.version}"',
        ".SH NAME",
        f"{_text(name)} \\- {_text(short)}",
        ".SH SYNOPSIS",
        f"\\fB{_text(' '.join(_names(ctx)))}\\fR {_text(usage)}",
        ".SH DESCRIPTION",
        *_paragraphs(command.help or ""),
        *_paragraphs(command.epilog or ""),
        *_terms("COMMANDS", _commands(ctx)),
        *_terms("OPTIONS", _options(ctx)),
        *_terms("ENVIRONMENT", _variables(ctx)),
        *_terms("FILES", about.files),
        *_terms("EXIT STATUS", _COMMON_STATUSES),
        ".SH SEE ALSO",
        _text(", ".join(_see_also(ctx, about))),
    ]
    return "\n".join(lines) + "\n"


def _options(ctx: click.Context) -> list[tuple[str, str]]:
    options = [each for each in ctx.command.get_params(ctx) if isinstance(each, click.Option)]
    records = [each.get_help_record(ctx) for each in options]
    return [each for each in records if each is not None]


def _commands(ctx: click.Context) -> list[tuple[str, str]]:
    if not isinstance(ctx.command, click.Group):
        return []
    found = [(name, ctx.command.get_command(ctx, name)) for name in ctx.command.list_commands(ctx)]
    return [(name, each.get_short_help_str(200)) for name, each in found if each is not None]


def _variables(ctx: click.Context) -> list[tuple[str, str]]:
    return [
        (str(each.envvar), f"What {max(each.opts, key=len)} says, where that is not given.")
        for each in ctx.command.get_params(ctx)
        if each.envvar
    ]


def _see_also(ctx: click.Context, about: About) -> list[str]:
    above = ["-".join(_names(ctx)[:-1])] if ctx.parent else []
    below = [f"{_page_name(ctx)}-{name}" for name, _ in _commands(ctx)]
    return [*(f"{each}(1)" for each in (*above, *below)), *about.see_also]


def _terms(heading: str, terms: Sequence[tuple[str, str]]) -> Iterator[str]:
    if terms:
        yield f".SH {heading}"
    for term, text in terms:
        yield ".TP"
        yield f"\\fB{_text(term)}\\fR"
        yield _text(" ".join(text.split()))


def _paragraphs(text: str) -> Iterator[str]:
    """Return help as it is laid out: what follows a line with a backspace keeps its lines."""
    for paragraph in re.split(r"\n\s*\n", inspect.cleandoc(text).partition("\f")[0]):
        first, _, rest = paragraph.partition("\n")
        if not paragraph.strip():
            continue
        yield ".PP"
        if first.strip() == _KEPT_LINES:
            yield ".nf"
            yield from map(_text, rest.split("\n"))
            yield ".fi"
        else:
            yield _text(" ".join(paragraph.split()))


def _text(text: str) -> str:
    """Return the text as roff shows it unchanged."""
    escaped = text.replace("\\", "\\e").replace("-", "\\-").replace("`", "\\(ga")
    return f"\\&{escaped}" if escaped.startswith((".", "'")) else escaped
