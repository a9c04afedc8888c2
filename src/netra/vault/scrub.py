"""Masking secrets in what a run shows. No I/O.

Every character that belongs to an occurrence of a secret becomes `•`, so what is shown has the length of what was meant, and
positions in it keep their meaning. Occurrences may overlap, each other and themselves.

Secrets and texts both come from users, so nothing here may take longer than a fixed number of times their lengths.
"""

import json
from collections.abc import Iterable, Iterator
from functools import cached_property
from typing import Any, Final
from urllib.parse import quote, quote_plus

MASK: Final = "•"

SHORTEST: Final = 8
"""Characters that a secret has at least. A shorter one would be found in half of all texts."""

MOST_TRIES: Final = 16
"""Places of a text that are looked at closely for the beginning of one secret. After so many the next is taken unseen, which
holds more text back than is needed and shows none that must not be."""

Span = tuple[int, int]


def spellings(value: str) -> set[str]:
    """How a secret is written where it is not handed on as it is.

    In a URL, in JSON, in a `repr`, and without the end of the line that came with it out of a file.
    """
    found = {value}
    if len(bare := value.strip()) >= SHORTEST:
        found.add(bare)
    for text in tuple(found):
        found |= {
            quote(text, safe="", errors="surrogatepass"),
            quote(text, errors="surrogatepass"),
            quote_plus(text, errors="surrogatepass"),
            json.dumps(text)[1:-1],
            json.dumps(text, ensure_ascii=False)[1:-1],
            repr(text)[1:-1],
        }
    return found - {""}


class Scrubber:
    """Masks the secrets that it is given. Its `repr` counts them and shows none."""

    def __init__(self, values: Iterable[str] = ()) -> None:
        texts = {text for value in values for text in spellings(value)}
        self._needles = [_Needle(text) for text in sorted(texts)]
        self._shortest = min(map(len, texts), default=0)
        self._beginnings = {text[:size] for text in texts for size in range(1, min(SHORTEST, len(text)))}
        """What a text may end with that is the beginning of a secret, up to what is looked for in another way."""
        self._numbers = any(text.strip("+-.0123456789e") == "" for text in texts)

    def __bool__(self) -> bool:
        return bool(self._needles)

    def __repr__(self) -> str:
        return f"<Scrubber of {len(self._needles)} texts>"

    def text(self, text: str) -> str:
        """`text`, masked."""
        return _masked(text, self.spans(text))

    def value(self, value: Any) -> Any:
        """A JSON-like value with every text in it masked, names of members included. Without a secret in it: itself.

        A number that spells a secret becomes a text. Of two members whose names become one, the later stays.
        """
        if not self._needles:
            return value
        # Nearly always there is nothing to mask, and one search in a long text is cheaper than many in short ones.
        together = "\0".join(_texts(value, numbers=self._numbers))
        return self._value(value) if self.spans(together) else value

    def stream(self) -> "ScrubbedStream":
        """For one text that comes in pieces."""
        return ScrubbedStream(self)

    def spans(self, text: str) -> list[Span]:
        """Where secrets are: beginning and end of each occurrence, in no order."""
        if len(text) < self._shortest:
            return []
        return [span for needle in self._needles for span in needle.spans(text)]

    def begins(self, text: str) -> int:
        """Where the longest end of `text` begins that could be the beginning of a secret; its length when none could."""
        size = len(text)
        long = min((needle.begins(text) for needle in self._needles), default=size) if size >= SHORTEST else size
        short = (at for at in range(max(0, size - SHORTEST + 1), long) if text[at:] in self._beginnings)
        return next(short, long)

    def _value(self, value: Any) -> Any:
        match value:
            case str():
                return self.text(value)
            case list():
                return [self._value(item) for item in value]
            case dict():
                return {self._value(name): self._value(item) for name, item in value.items()}
            case int() | float() if self._numbers and (shown := self.text(str(value))) != str(value):
                return shown
        return value


class ScrubbedStream:
    """Masks one text that comes in pieces: what it gives, joined, is the whole text masked, however it was cut."""

    def __init__(self, scrubber: Scrubber) -> None:
        self._scrubber = scrubber
        self._held = ""
        self._covered = 0
        """How much of what is held belongs to a secret that began before it."""

    @property
    def holds(self) -> bool:
        """Whether something is held back."""
        return bool(self._held)

    def feed(self, piece: str) -> str:
        """What may be shown now. The end that could be the beginning of a secret is held back."""
        text = self._held + piece
        spans = [(0, self._covered), *self._scrubber.spans(text)]
        kept = self._scrubber.begins(text)
        self._held = text[kept:]
        self._covered = max(0, *(end - kept for begin, end in spans if begin < kept or begin == 0))
        return _masked(text, spans)[:kept]

    def end(self) -> str:
        """What was held back: no more comes."""
        rest = _masked(self._held, [(0, self._covered), *self._scrubber.spans(self._held)])
        self._held, self._covered = "", 0
        return rest


class _Needle:
    """One text that is looked for."""

    def __init__(self, text: str) -> None:
        self._text = text

    @cached_property
    def _period(self) -> int:
        """By how much the text must be moved at least to lie on itself."""
        text, borders, border = self._text, [0], 0
        for letter in text[1:]:
            while border and letter != text[border]:
                border = borders[border - 1]
            border += letter == text[border]
            borders.append(border)
        return len(text) - border

    def spans(self, text: str) -> Iterator[Span]:
        """Every occurrence; those that lie on each other by one period are one span."""
        size = len(self._text)
        begin = text.find(self._text)
        while begin >= 0:
            end = begin + size
            # In a text like `aaaa…` the next occurrence is one letter further, and comparing all of it each time would cost
            # the product of both lengths. Only the last period is new. What is found after that is half a length away.
            period = self._text[size - self._period :]
            while text.startswith(period, end):
                end += self._period
            yield begin, end
            begin = text.find(self._text, end - size + 1)

    def begins(self, text: str) -> int:
        """Where the longest end of `text`, of `SHORTEST` characters at least, begins that is a beginning, not all, of this."""
        head = self._text[:SHORTEST]
        at = text.find(head, max(0, len(text) - len(self._text) + 1))
        tries = 0
        while at >= 0 and tries < MOST_TRIES and not self._text.startswith(text[at:]):
            at = text.find(head, at + 1)
            tries += 1
        return len(text) if at < 0 else at


def _masked(text: str, spans: Iterable[Span]) -> str:
    shown: list[str] = []
    at = 0
    for begin, end in sorted(spans):
        if end > at:
            begin = max(begin, at)
            shown += (text[at:begin], MASK * (end - begin))
            at = end
    return "".join((*shown, text[at:])) if shown else text


def _texts(value: Any, *, numbers: bool) -> Iterator[str]:
    """Every text in a JSON-like value, and, where they count, every number as one."""
    match value:
        case str():
            yield value
        case list():
            for item in value:
                yield from _texts(item, numbers=numbers)
        case dict():
            for name, item in value.items():
                yield from _texts(name, numbers=numbers)
                yield from _texts(item, numbers=numbers)
        case int() | float() if numbers:
            yield str(value)
