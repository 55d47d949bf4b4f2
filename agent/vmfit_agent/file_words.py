"""Words that a recording needs as they are: they name its files, not a host."""

from functools import cache

from vmfit_agent.collectors import COLLECTORS
from vmfit_contract.masking.words import words_of


@cache
def file_words() -> frozenset[str]:
    """Return, in lower case, the words of all paths that collectors read."""
    return frozenset(
        word
        for collector in COLLECTORS.values()
        for pattern in collector.files
        for word in words_of(pattern)
    )
