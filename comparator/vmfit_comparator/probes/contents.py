"""Disks compared by content: source, destination, source again."""

import secrets
from collections.abc import Callable, Iterator, Sequence

from vmfit.v1.probe_pb2 import BlocksAnswer, ContentProbe, Probe, ProbeAnswers, ProbeResult
from vmfit_comparator.probes.asked_host import AskedHost
from vmfit_comparator.probes.blocks import compared
from vmfit_comparator.probes.plan import Comparison
from vmfit_contract.content_key import content_key

_NONCE_BYTES = 32


class Contents:
    """Three readings, one after the other; a guest that writes meanwhile is seen to."""

    def __init__(
        self, comparisons: Sequence[Comparison], here: AskedHost, there: AskedHost
    ) -> None:
        """Ask the source for its first reading."""
        self._comparisons, self._here, self._there = comparisons, here, there
        # One of our own besides: what is asked twice has two hashes.
        own = secrets.token_bytes(_NONCE_BYTES)
        self._nonces = [nonce for nonce in (here.nonce, there.nonce, own) if nonce]
        self._readings: list[Sequence[ProbeResult]] = []
        self._pending = self._ask(here, lambda each: each.source_path)

    def compare(self) -> None:
        """Wait for the source's reading and ask the destination for its own."""
        self._readings.append(self._pending())
        self._pending = self._ask(self._there, lambda each: each.destination_path)

    def confirm(self) -> None:
        """Wait for the destination's reading and ask the source once more."""
        self._readings.append(self._pending())
        self._pending = self._ask(self._here, lambda each: each.source_path)

    def read(self, answers: ProbeAnswers) -> None:
        """Wait for the last reading and put the comparisons into the answers."""
        self._readings.append(self._pending())
        rounds = [self._by_comparison(each) for each in self._readings]
        for comparison, *results in zip(self._comparisons, *rounds, strict=True):
            answers.contents.append(self._content(comparison, results))

    def _ask(
        self, host: AskedHost, path: Callable[[Comparison], str]
    ) -> Callable[[], Sequence[ProbeResult]]:
        return host.ask(
            [
                Probe(hash_blocks=blocks.question(path(each), self._nonces))
                for each in self._comparisons
                for blocks in each.blocks
            ]
        )

    def _by_comparison(self, results: Sequence[ProbeResult]) -> Iterator[Sequence[ProbeResult]]:
        start = 0
        for each in self._comparisons:
            yield results[start : start + len(each.blocks)]
            start += len(each.blocks)

    def _content(
        self, comparison: Comparison, rounds: Sequence[Sequence[ProbeResult]]
    ) -> ContentProbe:
        error = next((each.error for results in rounds for each in results if each.error), "")
        if error:
            return ContentProbe(target=comparison.target, error=error)
        before, there, after = ([each.blocks for each in results] for results in rounds)
        readings: tuple[list[BlocksAnswer], list[BlocksAnswer], list[BlocksAnswer]]
        readings = (before, there, after)
        return compared(comparison.target, comparison.blocks, content_key(self._nonces), readings)
