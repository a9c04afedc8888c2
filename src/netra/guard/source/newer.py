"""Syntax that only a newer Python reads, written so that the one that runs guard sees the same names on the same lines.

What looks like newer syntax inside a string or a comment is left alone. An f-string that holds its own quotes (3.12) cannot be
written anew by its looks; the error that it gives is recognised instead, as is unpacking in a comprehension (3.15).
"""

import io
import re
import sys
import tokenize
from collections.abc import Callable, Iterator
from typing import Final, NamedTuple

from netra.guard.facts import Problem


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
        "except without parentheses",
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

# What an older Python says of newer syntax that is not written anew.
OWN_QUOTES: Final = re.compile(r"f-string|unterminated string")
FORMATTED: Final = re.compile(r"""(?<![\w"'])(?:[fF][rR]?|[rR][fF])["']""")
UNPACKED: Final = re.compile(r"unpacking cannot be used in (?:dict )?comprehension")


def written_older(text: str) -> tuple[str, tuple[Problem, ...]]:
    """The text as an older Python can read it, and what was written anew."""
    wanted = [each for each in NEWER if sys.version_info < each.since and each.pattern.search(text)]
    if not wanted:
        return text, ()  # telling strings from code takes as long as all the rest
    code = _code(text)
    edits: list[tuple[int, int, str]] = []
    problems = []
    for what, since, pattern, older in wanted:
        for match in pattern.finditer(code):
            edits.append((*match.span(), older(match)))
            line = code.count("\n", 0, match.start()) + 1
            problems.append(
                Problem(line, 0, line, f"{what}: syntax of {_python(since)}, read here by {running()}", _python(since))
            )
    for start, end, older_text in sorted(edits, reverse=True):
        text = text[:start] + older_text + text[end:]
    return text, tuple(problems)


def needs(message: str, line: str) -> str:
    """The newer Python that would read what this one refuses with such a message in such a line; empty when none is known."""
    if sys.version_info < (3, 12) and OWN_QUOTES.search(message) and FORMATTED.search(line):
        return _python((3, 12))
    return _python((3, 15)) if sys.version_info < (3, 15) and UNPACKED.search(message) else ""


def running() -> str:
    """The Python that runs guard, as people name it."""
    return _python((sys.version_info.major, sys.version_info.minor))


def _python(version: tuple[int, int]) -> str:
    return f"Python {version[0]}.{version[1]}"


def _code(text: str) -> str:
    """The text with what stands in strings and comments blanked out, each letter in its place."""
    parts = []
    done = 0
    for start, end in _quoted(text):
        parts += [text[done : start + 1], re.sub(r"[^\n]", " ", text[start + 1 : end])]
        done = end
    return "".join([*parts, text[done:]])


def _quoted(text: str) -> Iterator[tuple[int, int]]:
    """Where strings and comments are, from the first quote or `#`; up to where the text cannot be cut into words any more."""
    starts = [0]
    for line in text.split("\n"):
        starts.append(starts[-1] + len(line) + 1)
    try:
        for token in tokenize.generate_tokens(io.StringIO(text).readline):
            if token.type in (tokenize.STRING, tokenize.COMMENT):
                first = re.search("[\"'#]", token.string)
                begin = starts[token.start[0] - 1] + token.start[1] + (first.start() if first else 0)
                yield begin, starts[token.end[0] - 1] + token.end[1]
    except (tokenize.TokenError, SyntaxError):
        return
