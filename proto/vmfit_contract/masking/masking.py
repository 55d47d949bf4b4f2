"""Masks texts: by the form of what stands in them, and by values that were learnt."""

import re
from collections.abc import Callable, Iterable

from vmfit_contract.masking.patterns import FORMS, mask_form, mask_runs
from vmfit_contract.masking.pseudonyms import KEPT_WORDS, Pseudonyms
from vmfit_contract.masking.words import field_words

_TOKEN = re.compile(r"[0-9A-Za-z]+(?:[.-][0-9A-Za-z]+)*")
_RUN = re.compile(r"[0-9A-Za-z]+")
_PLAIN_MAC = re.compile(r"[0-9a-f]{12}")
_MOST_LABELS = 16
# Shorter ones are words and sizes in other files.
_SHORTEST_RUN, _SHORTEST_NUMBER, _SHORTEST_NAME = 6, 10, 3
_IPV6_ADDRESS = re.compile(r"\[?[0-9a-fA-F:.]*:[0-9a-fA-F:.]*(?:%[\w.-]+)?\]?")
_KEPT_NAMES = frozenset((
    "broadcasthost", "gateway", "ip6", "allhosts", "allnodes", "allrouters", "localdomain",
    "localdomain4", "localdomain6", "localhost", "localhost4", "localhost6", "localnet", "loopback",
    "mcastprefix",
))  # fmt: skip


class Masking:
    """Learns what identifies hosts, then masks all of its texts. Not for several threads."""

    def __init__(self, key: bytes, words: Iterable[str] = ()) -> None:
        """Take the key of the pseudonyms, and words that are no names, beside those of fields."""
        self.pseudonyms = Pseudonyms(key)
        self._runs: set[str] = set()
        self._wholes: set[str] = set()
        self._names: set[str] = set()
        self._macs: set[str] = set()
        self._words = {*field_words(), *words}

    def keep(self, text: str) -> None:
        """Note a text that gives nothing away: its words are no names where they stand."""
        self._words.update(_RUN.findall(text.lower()))

    def learn_identifier(self, value: str) -> None:
        """Note a serial number, a world-wide name, a MAC and the like, to be masked elsewhere."""
        digits = re.sub(r"[:.-]", "", value).lower()
        if _PLAIN_MAC.fullmatch(digits) and FORMS.fullmatch(value):
            self._macs.add(digits)
            return
        lower = value.lower()
        if len(lower.removeprefix("0x")) >= _SHORTEST_RUN and self._is_whole(lower):
            self._wholes.add(lower)
        for run in _RUN.findall(value):
            lower = run.lower().removeprefix("0x")
            if self._is_telling(lower):
                self._runs.add(lower)

    def _is_whole(self, value: str) -> bool:
        known = KEPT_WORDS | self._words
        runs = _RUN.findall(value)
        is_number = value.isdigit() and len(value) < _SHORTEST_NUMBER
        return not is_number and bool(_TOKEN.fullmatch(value)) and not known.issuperset(runs)

    def _is_telling(self, run: str) -> bool:
        if run in KEPT_WORDS or run in self._words or not run.strip("0"):
            return False
        return len(run) >= (_SHORTEST_NUMBER if run.isdigit() else _SHORTEST_RUN)

    def learn_name(self, value: str) -> None:
        """Note a host's name, to be masked elsewhere: whole, its first label, and its domain.

        What has a form that is masked anyway, an address, and a certificate's subject are no names.
        """
        if "=" in value or FORMS.search(value) or _IPV6_ADDRESS.fullmatch(value):
            return
        for token in _TOKEN.findall(value.lower()):
            labels = token.split(".")
            candidates = {token, labels[0]}
            if len(labels) > 2:
                candidates.add(".".join(labels[1:]))
            for name in candidates:
                if self._is_name(name):
                    self._names.add(name)

    def _is_name(self, name: str) -> bool:
        if len(name) < _SHORTEST_NAME or not any(map(str.isalpha, name)):
            return False
        return not set(_RUN.findall(name)) <= _KEPT_NAMES | self._words

    def text(self, text: str) -> str:
        """Return any text with what identifies by its form, and all learnt values, masked."""
        return self._outside_forms(text, self._learnt)

    def identifier(self, value: str) -> str:
        """Return a value that identifies: all of it masked."""
        match = FORMS.fullmatch(value)
        return mask_form(self.pseudonyms, match) if match else mask_runs(self.pseudonyms, value)

    def name(self, value: str) -> str:
        """Return a site's own name for something: all of it masked but addresses.

        Of names with several labels the last one stays, of certificates' subjects what each part is
        called, and words of one or two letters.
        """
        if _IPV6_ADDRESS.fullmatch(value):
            return self._outside_forms(value, str)
        return self._outside_forms(value, lambda text: _TOKEN.sub(self._mask_name, text))

    def _outside_forms(self, text: str, mask: Callable[[str], str]) -> str:
        pieces: list[str] = []
        end = 0
        for match in FORMS.finditer(text):
            pieces += mask(text[end : match.start()]), mask_form(self.pseudonyms, match)
            end = match.end()
        return "".join((*pieces, mask(text[end:])))

    def _mask_name(self, match: re.Match[str]) -> str:
        if match.string[match.end() : match.end() + 1] == "=":
            return match[0]
        return self._masked_name(match[0])

    def _masked_name(self, token: str) -> str:
        *labels, last = token.split(".")
        if not any(map(str.isalpha, token)) or set(_RUN.findall(token.lower())) <= _KEPT_NAMES:
            return token
        kept = last if labels else self._masked_label(last)
        return ".".join((*map(self._masked_label, labels), kept))

    def _masked_label(self, label: str) -> str:
        return _RUN.sub(
            lambda run: run[0] if len(run[0]) <= 2 else self.pseudonyms.run(run[0]), label
        )

    def _learnt(self, text: str) -> str:
        return _TOKEN.sub(lambda match: self._mask_token(match[0]), text)

    def _mask_token(self, token: str) -> str:
        """Mask the longest learnt parts of a token, label by label."""
        labels = token.split(".")
        if len(labels) > _MOST_LABELS:
            return ".".join(map(self._mask_label, labels))
        masked: list[str] = []
        index = 0
        while index < len(labels):
            for end in range(len(labels), index, -1):
                part = ".".join(labels[index:end])
                found = self._mask_whole(part) if end > index + 1 else self._mask_label(part)
                if found is not None:
                    masked.append(found)
                    index = end
                    break
        return ".".join(masked)

    def _mask_whole(self, part: str) -> str | None:
        lower = part.lower()
        if lower in self._names:
            return self._masked_name(part)
        return self.identifier(part) if lower in self._wholes else None

    def _mask_label(self, label: str) -> str:
        found = self._mask_whole(label)
        if found is not None:
            return found
        return "-".join(self._mask_whole(part) or self._mask_run(part) for part in label.split("-"))

    def _mask_run(self, run: str) -> str:
        lower = run.lower()
        if lower in self._macs:
            return self.pseudonyms.mac(run)
        for prefix in ("", "0x", "3"):
            if lower.startswith(prefix) and lower[len(prefix) :] in self._runs:
                return run[: len(prefix)] + self.pseudonyms.run(run[len(prefix) :])
        return run
