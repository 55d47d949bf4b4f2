"""`vmfit diff`: what differs between two hosts?"""

from collections.abc import Iterable, Sequence
from functools import partial

import click

from vmfit.v1.comparator_service_pb2 import DiffRequest, DiffResponse, RankRequest
from vmfit_comparator.commands import completed_words
from vmfit_comparator.commands.asking import Asking, comparator_options
from vmfit_comparator.commands.options import output_option, store_option
from vmfit_comparator.commands.references import host_reference, vm_reference
from vmfit_comparator.commands.session import Comparator, comparator
from vmfit_comparator.differences.diff import differs
from vmfit_comparator.differences.difference_path import is_within, schema_path, unknown_field
from vmfit_comparator.policies.policy_checks import known_patterns
from vmfit_comparator.render.differences import show_diff, show_stat
from vmfit_comparator.render.output import emit
from vmfit_comparator.settings import Settings
from vmfit_contract.command_line.commands import Command
from vmfit_contract.command_line.exit_status import AskedWronglyError, NoAnswerError
from vmfit_contract.spelling import did_you_mean


@click.command(cls=Command)
@click.argument("left", metavar="HOST", shell_complete=completed_words.hosts)
@click.argument("right", metavar="HOST", shell_complete=completed_words.hosts)
@click.option(
    "-a",
    "--all",
    "include_all",
    is_flag=True,
    help="Everything: also what is equal, and raw registers.",
)
@click.option("--volatile", is_flag=True, help="Also what changes at any moment.")
@click.option(
    "--part",
    "parts",
    multiple=True,
    metavar="PART",
    shell_complete=completed_words.parts,
    help="Only this part.",
)
@click.option(
    "--ignore",
    "ignored",
    multiple=True,
    metavar="PATH",
    help="Not this field, and nothing in it: cpu.topology.",
)
@click.option(
    "--fact",
    "facts",
    multiple=True,
    metavar="ID",
    shell_complete=completed_words.facts,
    help="Only what this fact reads, or area.*",
)
@click.option(
    "--vm",
    metavar="VM",
    help="Only what facts read that apply to this VM of the first host, or described VM (.json).",
)
@click.option("--stat", is_flag=True, help="Only how much differs, by part.")
@output_option("the paths that differ")
@store_option
@comparator_options
@click.pass_obj
def command(
    settings: Settings,
    *,
    left: str,
    right: str,
    include_all: bool,
    volatile: bool,
    parts: tuple[str, ...],
    ignored: tuple[str, ...],
    facts: tuple[str, ...],
    vm: str | None,
    stat: bool,
    output: str,
    store: str | None,
    asking: Asking,
) -> int:
    """Tell what differs between two hosts, and which facts it matters to.

    \b
    vmfit diff alpha beta
    vmfit diff before.json after.json --part cpu --part kernel
    vmfit diff alpha beta --ignore cpu.topology --stat
    vmfit diff alpha beta --fact cpu.features
    vmfit diff alpha beta --vm web
    vmfit diff alpha@2026-11-22 alpha
    """  # noqa: D301 -- click's mark for lines to keep
    request = DiffRequest(
        left=host_reference(left),
        right=host_reference(right),
        include_equal=include_all,
        include_volatile=volatile,
        include_raw=include_all,
        parts=parts,
    )
    with comparator(settings, asking, store) as answering:
        _check_paths(ignored)
        wanted = _selected(facts, answering) if facts else None
        if vm is not None:
            applying = _applying(vm, request, answering)
            wanted = applying if wanted is None else wanted & applying
        response = answering.diff(request)
    _narrow(response, ignored, wanted)
    names = (left, right)
    shown = partial(show_diff, response, names, with_volatile=volatile, show_all=include_all)
    table = partial(show_stat, response, names) if stat else shown
    emit(response, output, table, [each.path for each in response.differences])
    return 1 if differs(response) else 0


def _check_paths(ignored: Iterable[str]) -> None:
    for path in ignored:
        wrong = unknown_field(schema_path(path))
        if wrong is not None:
            hint = did_you_mean(wrong[0], wrong[1])
            raise AskedWronglyError(f"--ignore: {path[:200]!r}: no field is {wrong[0]!r}{hint}")


def _selected(facts: Iterable[str], answering: Comparator) -> frozenset[str]:
    """Return the ids of the facts that are meant, as the comparator has them."""
    known = [each.id for each in answering.list_facts().facts]
    found: set[str] = set()
    for each in facts:
        area = each.removesuffix("*") if each.endswith(".*") else None
        meant = [id_ for id_ in known if id_ == each or (area and id_.startswith(area))]
        if not meant:
            hint = did_you_mean(each, known_patterns(known))
            raise AskedWronglyError(f"--fact: no such fact: {each[:200]!r}{hint}")
        found.update(meant)
    return frozenset(found)


def _applying(vm: str, request: DiffRequest, answering: Comparator) -> frozenset[str]:
    """Return the ids of the facts that apply to a VM on its way from the first host."""
    # Unlike a check, a ranking is not recorded.
    asked = RankRequest(
        source=request.left,
        destinations=[request.right],
        vm=vm_reference(vm, None, None),
        no_probes=True,
    )
    (check,) = answering.rank(asked).checks
    if not check.findings:
        raise NoAnswerError(f"--vm: {check.verdict.summary}")
    return frozenset(each.fact for each in check.findings if not each.not_applicable)


def _narrow(response: DiffResponse, ignored: Sequence[str], facts: frozenset[str] | None) -> None:
    """Leave what is not ignored, and what one of the facts reads."""
    fields = [schema_path(each) for each in ignored]
    kept = [
        each
        for each in response.differences
        if not is_within(each.path, fields) and (facts is None or not facts.isdisjoint(each.facts))
    ]
    del response.differences[:]
    response.differences.extend(kept)
