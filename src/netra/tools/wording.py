"""What a prompt says twice, says long, or says in an order that keeps it from being cached; pure, and the same every time.

Two sorts of findings. *Applied*: the words can go and nothing that a reader acts on goes with them; the text that is given
back is without them. *Proposed*: somebody who knows what the prompt is for has to decide.

What is never touched: code (fenced and between backticks), quotations, URLs, placeholders, numbers, and everything between
`<example>` and `</example>`. Each change makes the text shorter, and changes are made until there is none left to make; so
to do it again to the result changes nothing.
"""

import re
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Literal

Kind = Literal[
    "whitespace", "markup", "repetition", "filler", "near_repetition", "repeated_example", "volatile_order", "unbounded"
]

APPLICABLE: Final[Sequence[Kind]] = ("whitespace", "markup", "repetition", "filler")
"""The kinds whose findings are applied, in the order in which they are."""

FILLERS: Final[Sequence[tuple[str, str]]] = (
    (r"please note that", ""),
    (r"it is important to note that", ""),
    (r"it should be noted that", ""),
    (r"as a matter of fact,?", ""),
    (r"needless to say,?", ""),
    (r"in order to(?! (?:the|a|an|your|my|our|their|his|her|its)\b)", "to"),
    (r"due to the fact that", "because"),
    (r"in the event that", "if"),
    (r"at this point in time", "now"),
    (r"for the purpose of", "for"),
    (r"with regard to", "about"),
    (r"a large number of", "many"),
    (r"has the ability to", "can"),
    (r"would you please", "please"),
    (r"kindly", ""),
    (r"please", ""),
)
"""What is looked for, whatever its case, and what says the same."""

MOST_COMPARED: Final = 600
"""Sentences that are compared with each other for near repetition: the first ones."""

ALIKE: Final = 0.8
"""Share of two sentences' words, taken together, that both have, from which on they are called near repetitions."""

FEWEST_WORDS: Final = 5
"""Of a sentence that can be a repetition. Shorter ones are repeated on purpose, in lists and in examples."""

_PROTECTED: Final = re.compile(
    r"`[^`\n]*`"  # code
    r"|https?://[^\s<>\"')\]]+"
    r"|\{\{[^{}\n]*\}\}|\$?\{[^{}\n]*\}|%\(\w+\)s|<[^<>\n]{1,80}>|\[\[[^\[\]\n]*\]\]"  # placeholders and tags
    r"|\"[^\"\n]*\"|“[^”\n]*”|«[^»\n]*»"  # quotations
    r"|\w*\d[\w.,:/+-]*"  # numbers, dates and ids
)
_FENCE: Final = re.compile(r" {0,3}(```+|~~~+)")
_EXAMPLE: Final = re.compile(r"<(/?)examples?\b[^<>]*>", re.IGNORECASE)
_RULE: Final = re.compile(r"[ \t]*(?:(?P<mark>[-=_*#~])(?P=mark){3,})[ \t]*")
_BETWEEN: Final = re.compile(r"(?<=[.!?])[ \t]+(?=[^\W\d_a-zß-ÿ])")
"""Between two sentences of a line: a full stop, then a capital."""
_ABBREVIATION: Final = re.compile(r"\b(?:e\.g|i\.e|etc|vs|cf|approx|[A-Z]|Dr|Mr|Mrs|Ms|No|St|Inc|Ltd|Nr)\.$")
_LEANING: Final = re.compile(
    r"\W*(?:otherwise|then|else|this|that|these|those|it|they|he|she|so|but|and|or|also|instead|if so|if not"
    r"|in (?:this|that) case|however|therefore|finally|next|after|first|second|third)\b",
    re.IGNORECASE,
)
"""How a sentence begins that means something else after another one."""
_LABEL: Final = re.compile(r"[\s>*#-]*[\w ]{1,30}:|\s*\d+[.)]|\s*\|")
"""How a line begins that is a field of something, a numbered step, or a row of a table."""
_SECTION: Final = re.compile(r"\s*#{1,6}\s.*|\s*([-=_*])\1{2,}\s*|.*:\s*|\s*</?\w[^<>]*>\s*")
"""A line under which what was said above may have to be said again."""
_WORD: Final = re.compile(r"\w+")
_FILLER: Final = [
    # Only where a clause begins: in the middle of one, "kindly" may be how something is done.
    (re.compile(rf"(?P<before>^[\s>*-]*|[.!?:;] +|, ){words} +(?P<next>\w)", re.IGNORECASE), "")
    if not instead
    else (re.compile(rf"\b{words}\b(?P<before>)(?P<next>)", re.IGNORECASE), instead)
    for words, instead in FILLERS
]
_PLACEHOLDER: Final = re.compile(r"\{\{[^{}\n]*\}\}|\$\{[^{}\n]*\}|(?<![\w{$])\{[A-Za-z_]\w*\}|%\(\w+\)s|\[\[[^\[\]\n]*\]\]")
_DATE: Final = re.compile(
    r"\b(?:19|20)\d\d-\d\d-\d\d(?:[T ]\d\d:\d\d)?|\b\d{1,2} (?:January|February|March|April|May|June|July|August|September"
    r"|October|November|December) \d{4}\b|\b(?:January|February|March|April|May|June|July|August|September|October|November"
    r"|December) \d{1,2}, \d{4}\b"
)
_ID: Final = re.compile(
    r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b|\b(?=[a-z]*\d)[0-9a-f]{16,}\b", re.IGNORECASE
)
_OUTPUT: Final = re.compile(
    r"\b(?:list|summari[sz]e|describe|explain|write|generate|respond|answer|reply|output|return|give)\b", re.IGNORECASE
)
_BOUND: Final = re.compile(
    r"\d|\b(?:one|two|three|four|five|six|seven|eight|nine|ten|single|only|exactly|brief\w*|short\w*|concise\w*|at most|no more"
    r"|up to|maximum|limit\w*|yes or no|true or false)\b|\{|`",
    re.IGNORECASE,
)
_HEADED_EXAMPLE: Final = re.compile(r"[\s>*#-]*(?:example|input|q|question|user)\b[^:\n]{0,20}:", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Remark:
    """Something that a prompt could do without, or have elsewhere."""

    kind: Kind
    line: int
    """In the prompt as it came, from 1."""
    text: str
    """What stands there; its beginning."""
    reason: str
    tokens_saved: int | None
    """Estimated; None where it depends on what is done about it."""
    applied: bool


@dataclass(frozen=True, slots=True)
class Wording:
    """A prompt, without what it can do without."""

    text: str
    findings: Sequence[Remark]


@dataclass(slots=True)
class Line:
    """A line of the prompt; `fixed` where nothing may be changed."""

    number: int
    text: str
    fixed: bool


def estimate_tokens(text: str) -> int:
    """About how many tokens a model reads in a text; no tokenizer was asked.

    The mean of two rules of thumb for English, a token for each 4 characters and 4 tokens for 3 words; letters of scripts that
    are written without spaces count one token each.
    """
    dense = sum(1 for letter in text if letter >= "\u2e80")
    words = len(text.split())
    return round(dense + ((len(text) - dense) / 4 + words * 4 / 3) / 2) if text.strip() else 0


def improve(prompt: str, kinds: Collection[Kind] = APPLICABLE) -> Wording:
    """Apply what changes nothing that a reader acts on, of these kinds only, and say what else there is to decide."""
    lines = _lines(prompt)
    findings: list[Remark] = []
    before = -1
    while before != (before := sum(len(line.text) + 1 for line in lines)):
        for kind in APPLICABLE:
            if kind in kinds:
                findings += _CHANGES[kind](lines)
    # Line ends are the prompt's own, but for those at its very ends.
    text = "\n".join(line.text for line in lines)
    findings += [*_near_repetitions(lines), *_repeated_examples(lines), *_volatile_order(lines), *_unbounded(lines)]
    return Wording(text, sorted(findings, key=lambda finding: finding.line))


def _lines(prompt: str) -> list[Line]:
    """The lines, with those fixed that belong to code or to an example."""
    lines: list[Line] = []
    fence, examples = "", 0
    for number, text in enumerate(prompt.replace("\r\n", "\n").split("\n"), 1):
        opened = _FENCE.match(text)
        tags = [tag[1] for tag in _EXAMPLE.finditer(text)] if not fence else []
        fixed = bool(fence or opened or examples or tags)
        if opened and not fence:
            fence = opened[1]
        elif opened and opened[1].startswith(fence) and text.strip() == opened[1]:
            fence = ""
        examples = max(0, examples + sum(-1 if tag else 1 for tag in tags))
        lines.append(Line(number, text, fixed))
    return lines


# -- What is applied --------------------------------------------------------------------------------------------------------


def _whitespace(lines: list[Line]) -> Iterator[Remark]:
    for line in lines:
        if line.fixed:
            continue
        indent = len(line.text) - len(line.text.lstrip())
        inner = "".join(
            part if protected else re.sub(r"[ \t]{2,}", " ", part) for part, protected in _pieces(line.text[indent:].rstrip())
        )
        shorter = (line.text[:indent] if inner else "") + inner
        if shorter != line.text:
            yield _saved("whitespace", line, line.text, shorter, "spaces that say nothing")
            line.text = shorter
    blank = 0
    for nth in range(len(lines) - 1, -1, -1):
        empty = not lines[nth].fixed and not lines[nth].text
        blank = blank + 1 if empty else 0
        at_an_end = empty and (nth == 0 or nth + blank == len(lines)) and len(lines) > 1
        if blank > 1 or at_an_end:
            yield Remark("whitespace", lines[nth].number, "", "an empty line beside another, or at an end", 0, applied=True)
            del lines[nth]
            blank -= 1


def _markup(lines: list[Line]) -> Iterator[Remark]:
    for line in lines:
        if not line.fixed and (rule := _RULE.fullmatch(line.text)):
            # Three draw the same rule, and underline the same heading; the six signs of a deep heading have text after them.
            shorter = rule["mark"] * 3
            yield _saved("markup", line, line.text, shorter, "a rule longer than it has to be")
            line.text = shorter


def _repetition(lines: list[Line]) -> Iterator[Remark]:
    seen: dict[tuple[str, ...], int] = {}
    for line in lines:
        if line.fixed or _SECTION.fullmatch(line.text):
            seen.clear()
            continue
        if _LABEL.match(line.text):
            continue
        kept = []
        for sentence in _sentences(line.text):
            key = tuple(_WORD.findall(sentence.casefold()))
            if len(key) >= FEWEST_WORDS and not _LEANING.match(sentence):
                if key in seen and not _PROTECTED.search(sentence):
                    why = f"line {seen[key]} says so already"
                    yield Remark("repetition", line.number, _shown(sentence), why, estimate_tokens(sentence), applied=True)
                    continue
                seen.setdefault(key, line.number)
            kept.append(sentence)
        shorter = " ".join(kept)
        if len(shorter) < len(line.text.rstrip()) and len(kept) < len(_sentences(line.text)):
            line.text = shorter


def _sentences(text: str) -> list[str]:
    """The sentences of a line; the first one with the indentation and the mark of a list before it."""
    found: list[list[str]] = []
    goes_on = False
    for piece in _BETWEEN.split(text):
        if goes_on:
            found[-1].append(piece)
        else:
            found.append([piece])
        goes_on = _ABBREVIATION.search(piece[-8:]) is not None
    return [" ".join(pieces) for pieces in found]


def _filler(lines: list[Line]) -> Iterator[Remark]:
    for line in lines:
        if line.fixed:
            continue
        pieces = list(_pieces(line.text))
        for pattern, instead in _FILLER:
            for nth, (part, protected) in enumerate(pieces):
                at = 0
                # On from where the last one was, not from the beginning: a line may hold ten thousand.
                while not protected and (found := pattern.search(part, at)):
                    at = found.start()
                    if nth and not instead and at == 0 and not found["before"].strip():
                        at = found.end()  # the piece begins in the middle of a clause
                        continue
                    before, words, follows = found["before"], found[0], found["next"]
                    if instead:
                        replacement = instead.capitalize() if words[0].isupper() else instead
                        reason = f"“{instead}” says the same"
                    else:
                        replacement = before + (follows if before.endswith(", ") else follows.upper())
                        reason = "says nothing"
                    shown = words[len(before) : len(words) - len(follows)].strip()
                    yield _saved("filler", line, shown, instead, reason)
                    part = part[:at] + replacement + part[found.end() :]
                pieces[nth] = (part, protected)
        line.text = "".join(part for part, _ in pieces)


_CHANGES: Final[dict[Kind, Callable[[list[Line]], Iterator[Remark]]]] = {
    "whitespace": _whitespace,
    "markup": _markup,
    "repetition": _repetition,
    "filler": _filler,
}


def _pieces(text: str) -> Iterator[tuple[str, bool]]:
    """A line in pieces, each with whether it may not be touched."""
    at = 0
    for protected in _PROTECTED.finditer(text):
        yield text[at : protected.start()], False
        yield protected[0], True
        at = protected.end()
    yield text[at:], False


# -- What is proposed -------------------------------------------------------------------------------------------------------


def _near_repetitions(lines: Sequence[Line]) -> Iterator[Remark]:
    sentences = [
        (line.number, sentence.strip(), frozenset(told))
        for line in lines
        if not line.fixed
        for sentence in _sentences(line.text)
        if len(told := _WORD.findall(sentence.casefold())) >= FEWEST_WORDS
    ][:MOST_COMPARED]
    for nth, (number, text, words) in enumerate(sentences):
        for earlier, _, others in sentences[:nth]:
            if len(words & others) >= ALIKE * len(words | others):
                yield Remark(
                    "near_repetition",
                    number,
                    _shown(text),
                    f"says nearly what line {earlier} does; keep one of them",
                    estimate_tokens(text),
                    applied=False,
                )
                break


def _repeated_examples(lines: Sequence[Line]) -> Iterator[Remark]:
    seen: dict[str, int] = {}
    for paragraph in _paragraphs(lines):
        text = "\n".join(line.text for line in paragraph)
        if not (_HEADED_EXAMPLE.match(text) or _EXAMPLE.search(text)):
            continue
        # The number of an example is not what it shows.
        key = " ".join(_WORD.findall(re.sub(r"(?i)(example|input|question)\s*#?\d+", r"\1", text).casefold()))
        if key in seen:
            yield Remark(
                "repeated_example",
                paragraph[0].number,
                _shown(text),
                f"the example of line {seen[key]} once more; another one would show more",
                estimate_tokens(text),
                applied=False,
            )
        seen.setdefault(key, paragraph[0].number)


def _volatile_order(lines: Sequence[Line]) -> Iterator[Remark]:
    """What changes from call to call ends the part of a prompt that a provider can keep from the last one."""
    paragraphs = _paragraphs(lines)
    volatile = [any(_volatile(line.text) for line in paragraph) for paragraph in paragraphs]
    if True not in volatile or all(volatile[volatile.index(True) :]):
        return
    first = volatile.index(True)
    stable = [line.text for paragraph, moves in zip(paragraphs, volatile, strict=True) if not moves for line in paragraph]
    now = [line.text for paragraph in paragraphs[:first] for line in paragraph]
    moved = [str(p[0].number) for p, moves in zip(paragraphs, volatile, strict=True) if moves]
    line = next(line for line in paragraphs[first] if _volatile(line.text))
    gained = estimate_tokens("\n".join(stable)) - estimate_tokens("\n".join(now))
    yield Remark(
        "volatile_order",
        line.number,
        _shown(line.text),
        "changes from call to call, and stable text follows it: moved to the end, the paragraphs of line "
        f"{', '.join(moved[:20])} would leave about {gained} tokens more at the beginning that a prefix cache can keep",
        None,
        applied=False,
    )


def _volatile(text: str) -> bool:
    return any(pattern.search(text) for pattern in (_PLACEHOLDER, _DATE, _ID))


def _unbounded(lines: Sequence[Line]) -> Iterator[Remark]:
    """Output costs several times what input does, and a prompt that names no end gets a long answer."""
    texts = [line for line in lines if not line.fixed]
    # What a caller puts in says nothing of how long the answer may be.
    if any(_OUTPUT.search(line.text) and _BOUND.search(_PLACEHOLDER.sub("", line.text)) for line in texts):
        return
    if asked := next((line for line in texts if _OUTPUT.search(line.text)), None):
        yield Remark(
            "unbounded",
            asked.number,
            _shown(asked.text),
            "asks for an answer without saying how long it may be; say so in words, items or sentences",
            None,
            applied=False,
        )


def _paragraphs(lines: Sequence[Line]) -> list[list[Line]]:
    """Lines between empty ones; code and examples are not divided."""
    found: list[list[Line]] = [[]]
    for line in lines:
        if not line.text.strip() and not line.fixed:
            found.append([])
        else:
            found[-1].append(line)
    return [paragraph for paragraph in found if paragraph]


def _saved(kind: Kind, line: Line, before: str, after: str, reason: str) -> Remark:
    return Remark(
        kind, line.number, _shown(before), reason, max(0, estimate_tokens(before) - estimate_tokens(after)), applied=True
    )


def _shown(text: str) -> str:
    """The beginning of a text, for a list."""
    text = " ".join(text.split())
    return text if len(text) <= 120 else f"{text[:119]}…"
