"""Syntax that only a newer Python reads, written so that the one that runs guard sees the same names on the same lines.

What looks like newer syntax inside a string or a comment is left alone. Unpacking in a comprehension (3.15) is not written
anew; the error that it gives is recognised instead. `except Error, error:` is syntax of Python 2 where nothing else in the file
binds `error`: Python 3.14 would look for an exception of that name.
"""

import ast
import builtins
import re
import sys
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final, NamedTuple

from netra.guard.facts import Problem
from netra.guard.source.formatted import Strings, Text, as_tuples, restored


class NewerSyntax(NamedTuple):
    """One thing that a newer Python reads: since when, how it looks, and how an older one is told the same."""

    what: str
    since: tuple[int, int]
    pattern: re.Pattern[str]
    older: Callable[[re.Match[str]], str]


# Brackets with brackets in them, as deep as anybody nests the bounds of a type parameter. The quantifiers give nothing back.
BRACKETS: Final = r"\[(?:[^\[\]]|\[(?:[^\[\]]|\[[^\[\]]*+\])*+\])*+\]"


def _without_brackets(match: re.Match[str]) -> str:
    # A head that is spread over lines stays one by continuing them.
    return match[1] + "\\\n" * match[2].count("\n")


EXCEPT: Final = "except without parentheses"

NEWER: Final = (
    NewerSyntax(
        "a type statement",
        (3, 12),
        re.compile(rf"^([ \t]*)type[ \t]+(\w+)[ \t]*({BRACKETS})?[ \t]*=(?!=)", re.MULTILINE),
        lambda match: f"{match[1]}{match[2]}" + "\\\n" * (match[3] or "").count("\n") + " =",
    ),
    NewerSyntax(
        "type parameters",
        (3, 12),
        re.compile(rf"^([ \t]*(?:async[ \t]+def|def|class)[ \t]+\w+)[ \t]*({BRACKETS})", re.MULTILINE),
        _without_brackets,
    ),
    NewerSyntax(
        EXCEPT,
        (3, 14),
        re.compile(r"^([ \t]*except\*?[ \t]+)([\w.]++(?:[ \t]*,[ \t]*[\w.]++)++)[ \t]*:", re.MULTILINE),
        lambda match: f"{match[1]}({match[2]}):",
    ),
    NewerSyntax(
        "a template string",
        (3, 14),
        re.compile(r"""(?<![\w"'])(?:[tT]([rR]?)|([rR])[tT])(?=["'])"""),
        lambda match: f"f{match[1] or match[2] or ''}",
    ),
    NewerSyntax(
        "a lazy import", (3, 15), re.compile(r"^([ \t]*)lazy[ \t]+(?=import\b|from\b)", re.MULTILINE), lambda match: match[1]
    ),
)

# `except Error, error:`, in which Python 2 binds the error.
BOUND: Final = re.compile(r"^([ \t]*except[ \t]+[\w.]++)[ \t]*,([ \t]*)([A-Za-z_]\w*)[ \t]*:", re.MULTILINE)
PYTHON_2: Final = "except with a comma: syntax of Python 2"

# What an older Python says of newer syntax that is not written anew.
UNPACKED: Final = re.compile(r"unpacking cannot be used in (?:dict )?comprehension")


class Older(NamedTuple):
    """A text as an older Python can read it."""

    text: str
    problems: tuple[Problem, ...] = ()
    """What was written anew."""
    strings: Mapping[tuple[int, int], Strings] = MappingProxyType({})
    """The f-strings that are tuples in it, by line and column."""

    def read(self, body: list[ast.stmt]) -> list[ast.stmt]:
        """What was parsed of it, as the newer Python would have parsed it."""
        return restored(body, self.strings)


def written_older(text: str) -> Older:
    """The text as an older Python can read it, and what was written anew."""
    problems: list[Problem] = []
    strings: dict[tuple[int, int], Strings] = {}
    known = None
    if sys.version_info < (3, 12) and "{" in text:
        known = Text(text)
        older, strings, found = as_tuples(known)
        for line, what in dict.fromkeys((text.count("\n", 0, at) + 1, what) for at, what in found):
            problems.append(_problem(line, f"{what} in the braces of an f-string", (3, 12)))
        if older != text:
            text, known = older, None
    wanted = [each for each in NEWER if sys.version_info < each.since and each.pattern.search(text)]
    if not wanted:
        return Older(text, tuple(problems), strings)
    code = _code(known or Text(text))
    edits: list[tuple[int, int, str]] = []
    of_python_2 = _binds_errors(code)
    for what, since, pattern, older_form in wanted:
        for match in pattern.finditer(code):
            line = code.count("\n", 0, match.start()) + 1
            if what == EXCEPT and of_python_2 and (bound := BOUND.match(code, match.start())):
                edits.append((*bound.span(), f"{bound[1]} as {bound[3]}:"))
                problems.append(Problem(line, 0, line, PYTHON_2, ""))
            else:
                edits.append((*match.span(), older_form(match)))
                problems.append(_problem(line, what, since))
    for start, end, written in sorted(edits, reverse=True):
        text = text[:start] + written + text[end:]
    return Older(text, tuple(sorted(problems)), strings)


def _problem(line: int, what: str, since: tuple[int, int]) -> Problem:
    return Problem(line, 0, line, f"{what}: syntax of {_python(since)}, read here by {running()}", _python(since))


def _binds_errors(code: str) -> bool:
    """It says `except Error, error:` with a name that nothing in it gives, so no Python 3 could know what is meant."""
    if re.search(r"\bimport[ \t]*\(?[ \t]*\*", code):
        return False
    return any(
        not hasattr(builtins, match[3])
        and not re.search(
            rf"\b(?:class|def|for|import)[ \t]+{match[3]}\b|\bimport\b[^\n(]*\b{match[3]}\b|\bimport[ \t]*\([^)]*\b{match[3]}\b"
            rf"|\bdef[ \t]+\w+[ \t]*\([^)]*\b{match[3]}\b|(?<![\w.]){match[3]}\b[ \t]*(?:,[^\n=()]*)?=(?!=)",
            code,
        )
        for match in BOUND.finditer(code)
    )


def needs(message: str) -> str:
    """The newer Python that would read what this one refuses with such a message; empty when none is known."""
    return _python((3, 15)) if sys.version_info < (3, 15) and UNPACKED.search(message) else ""


def running() -> str:
    """The Python that runs guard, as people name it."""
    return _python((sys.version_info.major, sys.version_info.minor))


def _python(version: tuple[int, int]) -> str:
    return f"Python {version[0]}.{version[1]}"


def _code(text: Text) -> str:
    """The text with what stands in strings and comments blanked out, each letter in its place."""
    parts = []
    done = 0
    for start, end in sorted(text.quoted + text.comments):
        if start >= done:
            parts += [text.text[done : start + 1], re.sub(r"[^\n]", " ", text.text[start + 1 : end])]
            done = end
    return "".join([*parts, text.text[done:]])
