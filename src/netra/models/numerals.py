"""The numbers that a text states, as it states them. No I/O.

What counts as one: figures (`1,234`, `$0.004`, `12.5%`, `3.4 million`, `20 ms`, `2x`), number words from two on, fractions and
multiples in words (`half`, `two thirds`, `twice`), parts (`two of three`), magnitudes (`thousands`, `a few hundred`), dates,
times of day, and names that hold digits (`gpt-4o`, `p95`) or any other sign for a number (`½`, `Ⅻ`, `五百`), because a name
with another digit is another thing. What does not: `one`, which is mostly an article, positions up to the tenth (`first`,
`3rd`), which order and do not measure, and the numbers of a list's own lines.

Numbers are read as English writes them: a comma, an apostrophe or a narrow space every three digits, a point before decimals.
Written as others write them (`88,2`, `1 200`) they are names; number words of other languages are not known.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final, Literal

Kind = Literal["number", "magnitude", "part", "date", "clock", "name"]

SHARE: Final = "share"
MONEY: Final = "USD"
RATIO: Final = "ratio"
CURRENCIES: Final = {
    "euro": "€", "euros": "€", "eur": "€", "pound": "£", "pounds": "£", "pence": "£", "gbp": "£", "yen": "¥", "jpy": "¥",
    "francs": "CHF", "chf": "CHF", "yuan": "CNY", "cny": "CNY", "rupees": "INR", "inr": "INR",
}  # fmt: skip
OTHER_MONEY: Final = frozenset([*"€£¥", *CURRENCIES.values()])
"""Units that nothing here is measured in."""

SECONDS: Final = {"ms": 0.001, "s": 1, "min": 60, "h": 3600, "d": 86400, "w": 604_800}
"""How long each unit of time is. Months and years differ, and are none."""
TIMES: Final = {
    **dict.fromkeys(("ms", "msec", "millisecond", "milliseconds"), "ms"),
    **dict.fromkeys(("s", "sec", "secs", "second", "seconds"), "s"),
    **dict.fromkeys(("min", "mins", "minute", "minutes"), "min"),
    **dict.fromkeys(("h", "hr", "hrs", "hour", "hours"), "h"),
    **dict.fromkeys(("d", "day", "days"), "d"),
    **dict.fromkeys(("week", "weeks"), "w"),
}
"""Each word for a unit of time, and the unit."""

MONTHS: Final = (
    "january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november", "december",
)  # fmt: skip
UNITS: Final = (
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve", "thirteen",
    "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen",
)  # fmt: skip
TENS: Final = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
SCALES: Final = {"hundred": 100, "thousand": 1000, "million": 10**6, "billion": 10**9, "trillion": 10**12, "dozen": 12}
LETTERS: Final = {"k": 1000, "m": 10**6, "mn": 10**6, "b": 10**9, "bn": 10**9, "t": 10**12}
FRACTIONS: Final = {
    "half": 1 / 2, "halves": 1 / 2, "third": 1 / 3, "thirds": 1 / 3, "quarter": 1 / 4, "quarters": 1 / 4, "fifth": 1 / 5,
    "fifths": 1 / 5, "sixth": 1 / 6, "sixths": 1 / 6, "seventh": 1 / 7, "sevenths": 1 / 7, "eighth": 1 / 8, "eighths": 1 / 8,
    "ninth": 1 / 9, "ninths": 1 / 9, "tenth": 1 / 10, "tenths": 1 / 10, "twelfth": 1 / 12, "twentieth": 1 / 20,
    "hundredth": 1 / 100, "thousandth": 1 / 1000,
}  # fmt: skip
MULTIPLES: Final = {
    "twice": 2, "double": 2, "doubled": 2, "doubles": 2, "doubling": 2, "thrice": 3, "triple": 3, "tripled": 3, "triples": 3,
    "tripling": 3, "quadruple": 4, "quadrupled": 4, "quadruples": 4, "quadrupling": 4, "quintuple": 5, "quintupled": 5,
    "halve": 1 / 2, "halved": 1 / 2, "halving": 1 / 2, "order of magnitude": 10, "orders of magnitude": 10,
}  # fmt: skip
MAGNITUDES: Final = {
    "dozens": (12, 200), "hundreds": (100, 1000), "thousands": (1000, 10**6), "millions": (10**6, 10**9),
    "billions": (10**9, 10**12), "trillions": (10**12, 10**15),
}  # fmt: skip
"""What is said by each without a number: from which to which."""
LAST_POSITION: Final = 10

WORDS: Final = {
    **{word: number for number, word in enumerate(UNITS)},
    **{word: 10 * number for number, word in enumerate(TENS, start=2)},
}


@dataclass(frozen=True, slots=True)
class Numeral:
    """One number in a text."""

    text: str
    """As it is written."""
    start: int
    end: int
    kind: Kind
    value: float = 0.0
    """Of a number, magnitude or part; a percentage as a share of 1."""
    tolerance: float = 0.0
    """How far what it was rounded from may lie away."""
    unit: str | None = None
    """`SHARE`, `MONEY`, one of `OTHER_MONEY`, `RATIO`, a key of `SECONDS`, or None: the text says by itself none of them."""
    whole: tuple[float, float] | None = None
    """Of a part such as `two of three`: both numbers."""
    moment: tuple[int | None, ...] = ()
    """Of a date or time: year, month, day, hour, minute, as far as they are said."""


def numerals(text: str) -> Iterator[Numeral]:
    """Yield every number that `text` states, in order."""
    found = list(_single(text))
    at = 0
    while at < len(found):
        part = _part(text, found[at], found[at + 1]) if at + 1 < len(found) else None
        if part is not None:
            yield part
            at += 2
            continue
        if not _is_lone_one(found[at]):
            yield _with_unit_of(text, found[at], found[at + 1]) if at + 1 < len(found) else found[at]
        at += 1


_MONTH = "(?:" + "|".join(f"{month}|{month[:3]}" for month in MONTHS) + r")\b\.?"
_WORD = "|".join(sorted(WORDS, key=len, reverse=True))
_SCALE = "|".join(SCALES)
_FRACTION = "|".join(sorted(FRACTIONS, key=len, reverse=True))

_TOKEN: Final = re.compile(
    rf"""
    (?P<uuid>\b[0-9a-f]{{8}}-(?:[0-9a-f]{{4}}-){{3}}[0-9a-f]{{12}}\b)
  | (?P<item>^[ \t]*(?:\#+[ \t]*)?\d+[.)](?=[ \t]))
  | (?P<iso>\b\d{{4}}-\d\d(?:-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:?\d\d)?)?)?(?![\w-]))
  | (?P<dmy>\b\d{{1,2}}(?:st|nd|rd|th)?[ ](?:of[ ])?{_MONTH}(?:,?[ ]\d{{4}}\b)?)
  | (?P<mdy>\b{_MONTH}[ ](?:\d{{1,2}}(?:st|nd|rd|th)?\b(?!,\d{{3}}|\.\d|:)(?:,?[ ]\d{{4}}\b)?|\d{{4}}\b))
  | (?P<clock>\b\d{{1,2}}:\d\d(?::\d\d)?\b)
  | (?P<foreign_notation>(?<![\w.,])(?:\d{{1,3}}(?:[.]\d{{3}})*,\d{{1,2}}|\d{{1,3}}(?:[ ]\d{{3}})+)(?![\w,]|\.\d))
  | (?P<figure>
        (?P<currency>(?:US)?\$[ ]?|\b(?:USD|EUR|GBP|JPY|CHF|CNY|INR)[ ]|[\u20ac\u00a3\u00a5][ ]?)?
        (?<![\w.])(?P<digits>\d{{1,3}}(?:[,'\u2019\u00a0\u202f\u2009]\d{{3}})+(?:\.\d+)?|\d+(?:\.\d+)?|\.\d+)(?:[eE](?P<power>[+-]?\d{{1,3}}))?
        (?:
            (?P<ordinal>st|nd|rd|th)\b
          | (?P<percent>[ \u00a0\u202f]?[%\u2030]|[ -](?:per[ ]?cent(?:age[ ]points?)?|pct|basis[ ]points?|bps)\b)
          | (?:
                [ -]?(?P<scale>thousand|million|billion|trillion)\b|(?P<letter>k|K|M|mn|B|bn|T)\b
              | (?P<times>[ ]?[x\u00d7](?![\w]))|-?fold\b
            )
            (?P<dollars>[ ](?:US[ ])?dollars?\b|[ ]USD\b)?
          | (?P<cents>[ ](?:US[ ])?(?:dollars?|cents?)\b|[ ]USD\b)
          | [ ](?P<foreign>{"|".join(CURRENCIES)})\b
          | (?:ms|s|h|d|min|kB|KB|MB|GB|TB|KiB|MiB|GiB)\b
          | (?!\w|\.\d|/\d)
          | (?=-[a-z])
        ))
  | (?P<name>\b(?:[^\W\d_]|\d)[\w]*(?:[-.:/@][\w]+)*)
  | (?P<mark>\d+)
    """,
    re.VERBOSE | re.MULTILINE | re.IGNORECASE,
)

_SPELT: Final = re.compile(
    rf"""
    (?P<fraction>(?P<before>\w+)?(?:(?<=\w)[ -]|(?<!\w))(?P<share>{_FRACTION})\b)
  | (?P<number>\b(?:{_WORD})\b(?:[ -](?:and[ ])?(?:{_WORD}|{_SCALE})\b)*|\ba[ ](?:{_SCALE})\b)
    (?P<percent>[ ]per[ ]?cent\b)?(?:-fold\b)?
  | (?P<folds>\b(?P<times>{_WORD}|{_SCALE})fold\b)
  | (?P<multiple>\b(?:{"|".join(MULTIPLES).replace(" ", "[ ]")})\b)
  | (?P<magnitude>\b(?:(?:several|few|couple[ ]of|many)[ ](?:{_SCALE})|{"|".join(MAGNITUDES)})\b)(?P<dollars>[ ]of[ ]dollars\b)?
    """,
    re.VERBOSE | re.IGNORECASE,
)

_YEAR: Final = re.compile(r"(?:19|20)\d\d")

_TO: Final = re.compile(r"[-\u2013\u2014]|[ ](?:to|and|or)[ ]", re.IGNORECASE)

_UNIT_OF_TIME: Final = re.compile(rf"[ -]?({'|'.join(TIMES)})\b", re.IGNORECASE)

_TIMES_AS_MUCH: Final = re.compile(r"[ ]times[ ](?:as|more|less|the|that|what|\w+er)\b", re.IGNORECASE)

_OF: Final = re.compile(r"[ ](?:out[ ]of|of|in)(?:[ ](?:the|every|all))?[ ]", re.IGNORECASE)


def _single(text: str) -> Iterator[Numeral]:
    """Every number by itself, `one` included."""
    written = [numeral for match in _TOKEN.finditer(text) if not match["item"] and (numeral := _written(match)) is not None]
    taken = [(numeral.start, numeral.end) for numeral in written]
    spelt = [
        numeral
        for match in _SPELT.finditer(text)
        if not any(match.start() < last and first < match.end() for first, last in taken)
        and (numeral := _spelt(match)) is not None
    ]
    return iter(sorted([*written, *spelt], key=lambda numeral: numeral.start))


def _written(match: re.Match[str]) -> Numeral | None:
    """A number that is written with digits."""
    text, start, end = match[0], match.start(), match.end()
    if match["iso"] or match["dmy"] or match["mdy"]:
        return Numeral(text, start, end, "date", moment=_moment(match))
    if match["clock"]:
        hour, minute = text.split(":")[:2]
        return Numeral(text, start, end, "clock", moment=(None, None, None, int(hour), int(minute)))
    if match["uuid"] or match["foreign_notation"]:
        return Numeral(text, start, end, "name")
    if match["figure"]:
        return _figure(match)
    if match["name"] and any(character.isnumeric() for character in text):
        return Numeral(text, start, end, "name")
    if match["mark"]:
        return Numeral(text, start, end, "number", float(text))
    return None


def _figure(match: re.Match[str]) -> Numeral | None:
    digits = re.sub(r"[^\d.]", "", match["digits"])
    value = float(digits)
    if match["ordinal"] and value <= LAST_POSITION:
        return None
    scale = 10.0 ** int(match["power"] or 0)
    if match["scale"]:
        scale *= SCALES[match["scale"].lower()]
    if match["letter"]:
        scale *= LETTERS[match["letter"].lower()]
    unit = None
    if match["percent"]:
        sign = match["percent"].strip(" -\u00a0\u202f").lower()
        scale, unit = scale / {"\u2030": 1000, "b": 10_000}.get(sign[0], 100), SHARE
    if match["times"] or match[0].endswith("fold"):
        unit = RATIO
    if match["dollars"] or match["cents"]:
        unit = MONEY
        if "cent" in (match["cents"] or ""):
            scale /= 100
    if match["foreign"]:
        unit = CURRENCIES[match["foreign"].lower()]
    if match["currency"]:
        sign = match["currency"].strip().lower()
        unit = sign if sign in OTHER_MONEY else CURRENCIES.get(sign, MONEY)
    # Of a hundred percent the zeros were not rounded.
    tolerance = (rounding(digits) if unit != SHARE or "." in digits else min(0.5, value / 20)) * scale
    return _counting(match, Numeral(match[0], match.start(), match.end(), "number", value * scale, tolerance, unit))


def _counting(match: re.Match[str], numeral: Numeral) -> Numeral:
    """The numeral with the unit of time, or the multiple, that stands behind its digits or words."""
    if numeral.unit is not None:
        return numeral
    digits = match.end("digits") if "digits" in match.re.groupindex else numeral.end
    if (time := _UNIT_OF_TIME.match(match.string, digits)) is not None:
        return replace(numeral, unit=TIMES[time[1].lower()])
    return replace(numeral, unit=RATIO) if _TIMES_AS_MUCH.match(match.string, numeral.end) else numeral


def rounding(digits: str) -> float:
    """How far away that may lie which was rounded to these digits: half of the last one, and never more than one in twenty.

    Zeros at the end of a whole number may be rounded, too, as long as two digits stand before them: 1,200 for 1,234.
    """
    value = float(digits)
    _, point, decimals = digits.partition(".")
    if point:
        last = 10.0 ** -len(decimals)
    else:
        kept = len(digits.lstrip("0").rstrip("0"))
        zeros = len(digits) - len(digits.rstrip("0"))
        last = 10.0 ** max(0, zeros - max(0, 2 - kept))
    return min(last / 2, value / 20)


def _moment(match: re.Match[str]) -> tuple[int | None, ...]:
    text = match[0]
    if match["iso"]:
        numbers = [int(number) for number in re.findall(r"\d+", text)[:5]]
        return (*numbers, *[None] * (5 - len(numbers)))
    month = next(number for number, name in enumerate(MONTHS, start=1) if re.search(rf"\b{name[:3]}", text, re.IGNORECASE))
    year = re.search(r"\b\d{4}\b", text)
    day = re.search(r"\b(\d{1,2})(?:st|nd|rd|th)?\b(?!\d)", text)
    return (int(year[0]) if year else None, month, int(day[1]) if day else None, None, None)


def _spelt(match: re.Match[str]) -> Numeral | None:
    """A number in words."""
    text, start, end = match[0], match.start(), match.end()
    if match["fraction"]:
        return _fraction(match)
    if match["multiple"] or match["folds"]:
        value = float(MULTIPLES[text.lower()] if match["multiple"] else _sum_of_words(match["times"]))
        return Numeral(text, start, end, "number", value, value / 20, SHARE if value < 1 else RATIO)
    if match["magnitude"]:
        named = match["magnitude"].lower().split(" ")[-1]
        low, high = MAGNITUDES[named if named in MAGNITUDES else named + "s"]
        unit = MONEY if match["dollars"] else None
        return Numeral(text, start, end, "magnitude", (low + high) / 2, (high - low) / 2, unit)
    value = _sum_of_words(match["number"])
    scaled = value / 100 if match["percent"] else value
    unit = SHARE if match["percent"] else RATIO if text.lower().endswith("fold") else None
    tolerance = rounding(f"{value:.0f}") * scaled / (value or 1)
    return _counting(match, Numeral(text, start, end, "number", scaled, tolerance, unit))


def _fraction(match: re.Match[str]) -> Numeral | None:
    """`half`, `a third`, `two thirds`; not `the third`, nor `the first half`, which are positions."""
    before, share = (match["before"] or "").lower(), match["share"].lower()
    times = WORDS.get(before, 1)
    if share == "half":
        if before in ("first", "second", "other", "latter"):
            return None
    elif before not in (WORDS if share.endswith("s") else ("a", "one")):
        return None
    value = times * FRACTIONS[share]
    start = match.start() if before in WORDS or before in ("a", "one") else match.start("share")
    return Numeral(match.string[start : match.end()], start, match.end(), "number", value, value / 20, SHARE)


def _sum_of_words(words: str) -> float:
    total, group = 0, 0
    for word in re.split(r"[ -]", words.lower()):
        if word in WORDS:
            group += WORDS[word]
        elif word in ("hundred", "dozen"):
            group = max(group, 1) * SCALES[word]
        elif word in SCALES:
            total += max(group, 1) * SCALES[word]
            group = 0
    return float(total + group)


def _is_lone_one(numeral: Numeral) -> bool:
    return numeral.kind == "number" and numeral.text.lower() == "one"


def _with_unit_of(text: str, first: Numeral, second: Numeral) -> Numeral:
    """The first number of a range such as `10 to 20%`, whose unit stands behind the second only."""
    if not (first.kind == second.kind == "number" and first.unit is None and second.unit is not None):
        return first
    if _TO.fullmatch(text, first.end, second.start) is None:
        return first
    scale = 0.01 if second.unit == SHARE else 1.0
    return replace(first, value=first.value * scale, tolerance=first.tolerance * scale, unit=second.unit)


def _part(text: str, first: Numeral, second: Numeral) -> Numeral | None:
    """`two of three`, `9 out of 10`: one statement of two numbers."""
    if not (first.kind == second.kind == "number" and first.unit is None and second.unit is None):
        return None
    if _OF.fullmatch(text, first.end, second.start) is None or not 0 < first.value < second.value:
        return None
    if _YEAR.fullmatch(second.text):  # `5 in 2024`
        return None
    share = first.value / second.value
    whole = first.value, second.value
    return Numeral(text[first.start : second.end], first.start, second.end, "part", share, share / 20, SHARE, whole)
