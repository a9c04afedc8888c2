"""Where strings stand in a text, with f-strings as Python 3.12 reads them, whatever Python runs guard.

Since 3.12 what stands in the braces of an f-string is code like any other: it may hold the string's own quotes, backslashes,
comments and line breaks (PEP 701). An older Python takes such a string for several pieces, and loses its place for the rest of
the file. It is written as a tuple of what its braces hold, each letter where it stood, and put back when the text has been
parsed.
"""

import ast
import re
from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple

PREFIX: Final = r"(?<![\w])(?:[rRbBuUfFtT]{1,2})(?=[\"'])"
WORD: Final = re.compile(rf"""(?P<prefix>{PREFIX})?(?P<quote>\"\"\"|'''|"|')|#[^\n]*|==|!=|<=|>=|[=!:(\[{{)\]}}]""")
PLAIN: Final = {
    quote: re.compile(rf"(?:[^\\{quote[0]}{ends}]|\\.{more})*+{quote}", re.DOTALL)
    for quote, ends, more in (
        ("'", "\n", ""),
        ('"', "\n", ""),
        ("'''", "", "|'(?!'')"),
        ('"""', "", '|"(?!"")'),
    )
}
CONVERSION: Final = re.compile(r"!\s*([rsa])\s*")

UNESCAPED: Final = re.compile(r"\\.|\"", re.DOTALL)

# What is nested deeper, or is longer, is no f-string that a person wrote: a quote is missing somewhere.
DEEPEST: Final = 20
LONGEST: Final = 20_000


class Field(NamedTuple):
    """Some `{…}` of an f-string."""

    start: int
    end: int
    """Where the expression ends: at its `}`, or at the `=`, `!` or `:` before that."""
    conversion: int
    spec: "tuple[str | Field, ...] | None"
    within: "tuple[Strings, ...]"
    newer: str
    """What in it only Python 3.12 reads; empty when every Python 3 does."""


class Strings(NamedTuple):
    """One string, or several that stand side by side and are one."""

    start: int
    end: int
    pieces: tuple[str | Field, ...]


class PlaceLost(Exception):
    """What looked like an f-string is none."""


class Text:
    """A text whose strings are told from its code."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.comments: list[tuple[int, int]] = []
        self.quoted: list[tuple[int, int]] = []
        """Each string that is no part of another, from its first quote."""
        self.strings = tuple(self._code(0, -1)[1])

    def _code(self, at: int, depth: int) -> tuple[int, list[Strings]]:
        """What stands from here to the end: of the text, or of the expression in so many braces."""
        text, inside, limit = self.text, depth >= 0, at + LONGEST
        found: list[Strings] = []
        brackets = 0
        gap = -1  # where the last string ended, with what comments follow it
        while word := WORD.search(text, at):
            begin, what = word.start(), word[0]
            if inside and begin > limit:
                break
            if what.startswith("#"):
                self.comments.append(word.span())
                at = word.end()
                gap = at if gap >= 0 and not text[gap:begin].strip() and (inside or brackets) else -1
                continue
            if word["quote"]:
                string = self._string(word, depth)
                if string is None:
                    at, gap = _end_of_line(text, word.end()) if len(word["quote"]) == 1 else word.end(), -1
                    continue
                if not inside:
                    self.quoted.append((word.start("quote"), string.end))
                between = text[gap:begin].replace("\\\n", "") if gap >= 0 else "+"
                if not between.strip() and (inside or brackets or "\n" not in between):
                    string = Strings(found[-1].start, string.end, found.pop().pieces + string.pieces)
                found.append(string)
                at = gap = string.end
                continue
            gap = -1
            at = word.end()
            if what in "([{":
                brackets += 1
            elif what in ")]}" and brackets:
                brackets -= 1
            elif inside and not brackets and what in {":", "!", "=", "}"}:
                return begin, found
            elif inside and what in ")]":
                raise PlaceLost
        if inside:
            raise PlaceLost
        return len(text), found

    def _string(self, word: re.Match[str], depth: int) -> Strings | None:
        """The string that begins with this quote; None when it never ends."""
        prefix, quote = (word["prefix"] or "").lower(), word["quote"]
        if ("f" in prefix or "t" in prefix) and depth < DEEPEST:
            known = len(self.comments)
            try:
                end, pieces = self._pieces(word.end(), quote, "r" in prefix, depth + 1, spec=0)
                return Strings(word.start(), end + len(quote), pieces)
            except PlaceLost:
                del self.comments[known:]
                if depth >= 0:
                    raise
        if end_of := PLAIN[quote].match(self.text, word.end()):
            whole = self.text[word.start() : end_of.end()]
            return Strings(word.start(), end_of.end(), (_value(whole),))
        if depth >= 0:
            raise PlaceLost
        return None

    def _pieces(self, at: int, quote: str, raw: bool, depth: int, spec: int) -> tuple[int, tuple[str | Field, ...]]:
        """What an f-string, or the format behind a `:` in one, is made of, and where that ends."""
        text, start = self.text, at
        pieces: list[str | Field] = []

        def literal() -> None:
            if at > start:
                written = text[start:at] if spec else text[start:at].replace("{{", "{").replace("}}", "}")
                pieces.append(written if raw or "\\" not in written else _unescaped(written))

        while at < len(text):
            letter = text[at]
            if text.startswith(quote, at):
                if spec:
                    raise PlaceLost
                literal()
                return at, tuple(pieces)
            if letter == "\\":
                at += 2 if text[at + 1 : at + 2] not in ("{", "}") else 1
                if not raw and text.startswith("N{", at - 1):
                    at = text.find("}", at) + 1 or len(text)
            elif letter == "\n" and len(quote) == 1:
                break
            elif letter in "{}" and not spec and text.startswith(letter, at + 1):
                at += 2
            elif letter == "{":
                literal()
                field, at = self._field(at, quote, raw, depth, spec)
                if text[field.end] == "=":
                    pieces.append(text[field.start : field.end] + "=")
                pieces.append(field)
                start = at
            elif letter == "}":
                if not spec:
                    break
                literal()
                return at, tuple(pieces)
            else:
                at += 1
        raise PlaceLost

    def _field(self, at: int, quote: str, raw: bool, depth: int, spec: int) -> tuple[Field, int]:
        """The `{…}` that begins here, and what comes after it."""
        text, known = self.text, len(self.comments)
        end, within = self._code(at + 1, depth)
        written = text[at + 1 : end]
        if not written.strip():
            raise PlaceLost
        newer = (
            "a backslash"
            if "\\" in written
            else "its own quotes"
            if quote in written
            else "a comment"
            if len(self.comments) > known
            else "a line break"
            if "\n" in written and len(quote) == 1
            else "braces in the format of its format"
            if spec > 1
            else ""
        )
        stop, conversion, form = end, -1, None
        if text[stop] == "=":
            stop += 1
            while text[stop : stop + 1].isspace():
                stop += 1
            conversion = -1 if text.startswith(":", stop) else ord("r")
        if converted := CONVERSION.match(text, stop):
            conversion, stop = ord(converted[1]), converted.end()
        if text.startswith(":", stop):
            stop, form = self._pieces(stop + 1, quote, raw, depth, spec + 1)
        if not text.startswith("}", stop):
            raise PlaceLost
        return Field(at + 1, end, conversion, form, tuple(within), newer), stop + 1


def fields(pieces: tuple[str | Field, ...] | None) -> Iterator[Field]:
    """The braces among such pieces, with those in their formats, as they stand."""
    for piece in pieces or ():
        if isinstance(piece, Field):
            yield piece
            yield from fields(piece.spec)


def as_tuples(text: Text) -> tuple[str, dict[tuple[int, int], Strings], list[tuple[int, str]]]:
    """The text with tuples for f-strings of Python 3.12; which string each was, by line and column; what is newer, where."""
    letters: list[str] = []
    tuples: list[Strings] = []
    newer: list[tuple[int, str]] = []
    for whole in text.strings:
        reasons = list(_newer(whole))
        if not reasons:
            continue
        letters = letters or list(text.text)
        inner = list(_rewritten(whole, letters))
        try:
            ast.parse("".join(letters[whole.start : whole.end]))
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            letters[whole.start : whole.end] = text.text[whole.start : whole.end]
        else:
            tuples += inner
            newer += reasons
    places = {}
    for each in tuples:
        line_starts = text.text.rfind("\n", 0, each.start) + 1
        column = len(text.text[line_starts : each.start].encode("utf-8", "replace"))
        places[text.text.count("\n", 0, each.start) + 1, column] = each
    return "".join(letters) or text.text, places, newer


def restored(body: list[ast.stmt], places: Mapping[tuple[int, int], Strings]) -> list[ast.stmt]:
    """What was parsed, with the f-strings that were written as tuples."""
    if not places:
        return body
    again = _Restored(places)
    return [again.visit(statement) for statement in body]


class _Restored(ast.NodeTransformer):
    def __init__(self, places: Mapping[tuple[int, int], Strings]) -> None:
        self.places = dict(places)

    def visit_Tuple(self, node: ast.Tuple) -> ast.expr:
        self.generic_visit(node)
        # The innermost is the string: a tuple without parentheses begins where its first element does.
        strings = self.places.pop((node.lineno, node.col_offset), None)
        if strings is None:
            return node
        if len(node.elts) != sum(1 for _ in fields(strings.pieces)):  # `{a, b}`
            values: list[ast.expr] = [ast.copy_location(ast.FormattedValue(each, -1, None), each) for each in node.elts]
            return ast.copy_location(ast.JoinedStr(values), node)
        return ast.copy_location(_joined(strings.pieces, iter(node.elts), node), node)


def _joined(pieces: tuple[str | Field, ...], values: Iterator[ast.expr], at: ast.expr) -> ast.JoinedStr:
    made: list[ast.expr] = []
    for piece in pieces:
        if isinstance(piece, str):
            made.append(ast.copy_location(ast.Constant(piece), at))
        else:
            value = next(values)
            form = None if piece.spec is None else _joined(piece.spec, values, value)
            made.append(ast.copy_location(ast.FormattedValue(value, piece.conversion, form), value))
    return ast.copy_location(ast.JoinedStr(made), at)


def _newer(strings: Strings) -> Iterator[tuple[int, str]]:
    """What in these strings only Python 3.12 reads, and where; the outermost braces speak for those within."""
    for field in fields(strings.pieces):
        if field.newer:
            yield field.start, field.newer


def _rewritten(strings: Strings, letters: list[str]) -> Iterator[Strings]:
    """Writes them as a tuple, and those within its braces that need it; each that was written so."""
    kept: set[int] = set()
    for field in fields(strings.pieces):
        kept.update(range(field.start, field.end))
    for at in range(strings.start, strings.end):
        if at not in kept and letters[at] != "\n":
            letters[at] = " " * len(letters[at].encode("utf-8", "replace"))
    letters[strings.start], letters[strings.end - 1] = "(", ")"
    yield strings
    for field in fields(strings.pieces):
        letters[field.end] = ","
        for inner in field.within:
            if any(_newer(inner)):
                yield from _rewritten(inner, letters)


def _value(written: str) -> str:
    """What a string literal is; of bytes and of what no Python takes, as it is written."""
    try:
        value = ast.literal_eval(written)
    except (SyntaxError, ValueError, MemoryError):
        value = written
    return value if isinstance(value, str) else written


def _unescaped(written: str) -> str:
    """What is meant by a part of a string that is not raw."""
    return _value('"""' + UNESCAPED.sub(lambda match: match[0] if len(match[0]) > 1 else '\\"', written) + '"""')


def _end_of_line(text: str, at: int) -> int:
    end = text.find("\n", at)
    return len(text) if end < 0 else end
