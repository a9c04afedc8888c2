"""A text → the statements of it that can be read, and what cannot: one broken function does not hide its neighbours."""

import ast
import re
import warnings
from bisect import bisect_right
from collections.abc import Iterator
from itertools import accumulate
from typing import Final

from netra.guard.facts import Problem
from netra.guard.source.formatted import Text
from netra.guard.source.newer import PYTHON_2, needs, running, written_older

# A line that goes on with the block before it, although it stands at the same depth.
CONTINUES: Final = re.compile(r"\s*(?:else|elif|except|finally|case)\b|\s*[)\]}]|\s*$|\s*#")

# After so many statements that cannot be read nobody wants to know of more, and of these only the first are told one by one.
MOST_PROBLEMS: Final = 1000
MOST_TOLD: Final = 20

# After so many pieces that could not be parsed, errors no longer show where it pays to cut.
MOST_CUTS: Final = 64

OF_PYTHON_2: Final = "the file is written for Python 2"

# What Python 3 says of the commonest statements of Python 2.
SAID_OF_PYTHON_2: Final = re.compile(r"Missing parentheses in call to '(print|exec)'|use an 0o prefix for octal")


def parsed(text: str) -> tuple[list[ast.stmt], tuple[Problem, ...]]:
    """The statements of a file that can be read, and what cannot."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # an invalid escape in somebody's string is not guard's to report
        outcome = _tree(text)
        if isinstance(outcome, ast.Module):
            return outcome.body, ()
        older = written_older(text)
        if older.problems:
            again = _tree(older.text)
            if isinstance(again, ast.Module):
                return older.read(again.body), _told([], older.problems)
        body, problems = _by_blocks(older.text)
        return older.read(body), _told(problems, older.problems)


def _tree(text: str) -> ast.Module | SyntaxError:
    try:
        return ast.parse(text)
    except SyntaxError as error:
        return error
    except (RecursionError, MemoryError):
        return SyntaxError("it is nested too deeply")
    except ValueError as error:
        return SyntaxError(str(error))


def _by_blocks(text: str) -> tuple[list[ast.stmt], list[Problem]]:
    """Cut at the statements at the left edge: what parses as a whole stays whole, the rest is cut at its error."""
    body: list[ast.stmt] = []
    problems: list[Problem] = []
    lines = text.split("\n")
    quoted = _quoted(text)
    stretches = list(blocks(lines, 0, len(lines), 0, quoted))
    waiting = [(0, len(stretches))] if stretches else []
    cuts = 0
    while waiting and len(problems) < MOST_PROBLEMS:
        low, high = waiting.pop()
        first, last = stretches[low][0], stretches[high - 1][1]
        outcome = _piece(lines, first, last)
        if isinstance(outcome, ast.Module):
            body += outcome.body
        elif high - low == 1:
            if isinstance(whole := _methods(lines, first, last, quoted, problems), ast.stmt):
                body.append(whole)
            else:
                problems.append(_problem(outcome, lines, first))
        else:
            cuts += 1
            at = (low + high) // 2
            if cuts < MOST_CUTS and outcome.lineno:
                at = next((each for each in range(low, high) if outcome.lineno <= stretches[each][1]), at)
            waiting += [each for each in ((at + 1, high), (at, at + 1), (low, at)) if each[0] < each[1]]
    return body, problems


def _piece(lines: list[str], first: int, last: int, before: str = "") -> ast.Module | SyntaxError:
    """Some of the lines as a tree, each on the line where it stands."""
    padding = "\n" * (first - 1) + before + "\n" if before else "\n" * first
    return _tree(padding + "\n".join(lines[first:last]))


def _methods(lines: list[str], first: int, last: int, quoted: frozenset[int], problems: list[Problem]) -> ast.stmt | None:
    """A class of which some part cannot be read, with the parts that can. None when its head is the fault."""
    head = first
    while head < last and lines[head].startswith(("@", ")", " ", "#")):
        head += 1
    if head >= last or not lines[head].startswith("class ") or not lines[head].rstrip().endswith(":"):
        return None
    inner = next((line for line in lines[head + 1 : last] if line.strip() and not line.lstrip().startswith("#")), "")
    depth = _indent(inner)
    whole = _piece([*lines[: head + 1], " pass"], first, head + 2)
    if not depth or not isinstance(whole, ast.Module) or not isinstance(whole.body[0], ast.ClassDef):
        return None
    found = whole.body[0]
    found.body.clear()
    for start, end in blocks(lines, head + 1, last, depth, quoted):
        outcome = _piece(lines, start, end, "if 1:")
        if isinstance(outcome, ast.Module) and isinstance(outcome.body[0], ast.If):
            found.body += outcome.body[0].body
        elif isinstance(outcome, SyntaxError):
            problems.append(_problem(outcome, lines, start))
    found.end_lineno = last
    return found


def blocks(
    lines: list[str], first: int, last: int, depth: int, quoted: frozenset[int] = frozenset()
) -> Iterator[tuple[int, int]]:
    """Stretches of lines, each a statement at this depth with all that belongs to it, as far as indentation tells.

    `quoted` are the lines that begin within a string: no statement begins there.
    """
    start = first
    decorated = False
    for number in range(first, last):
        line = lines[number]
        if number in quoted or _indent(line) > depth or CONTINUES.match(line):
            continue
        if number > start and not decorated:
            yield start, number
            start = number
        decorated = line.lstrip().startswith("@")
    if start < last:
        yield start, last


def _quoted(text: str) -> frozenset[int]:
    """The lines that begin within a string, from 0."""
    if '"""' not in text and "'''" not in text:
        return frozenset()
    starts = list(accumulate((len(line) + 1 for line in text.split("\n")), initial=0))
    found: set[int] = set()
    for start, end in Text(text).quoted:
        found.update(range(bisect_right(starts, start), bisect_right(starts, end - 1)))
    return frozenset(found)


def _indent(line: str) -> int:
    # A form feed before a statement counts for nothing, as in Python itself.
    line = line.lstrip("\f")
    return len(line) - len(line.lstrip())


def _problem(error: SyntaxError, lines: list[str], first: int) -> Problem:
    line = min(max(error.lineno or first + 1, 1), len(lines))
    message = error.msg.split(" (")[0]
    newer = needs(error.msg)
    if newer:
        message = f"{message}: what only {newer} reads, or no Python does; read here by {running()}"
    return Problem(line, max((error.offset or 1) - 1, 0), line, f"the syntax cannot be read: {message}", newer)


def _told(problems: list[Problem], newer: tuple[Problem, ...]) -> tuple[Problem, ...]:
    """What to say of a file with these problems: of one for Python 2 and of one that is broken all over, a sum."""
    commas = [each for each in newer if each.message == PYTHON_2]
    number = len(problems) or len(commas)
    seen = f"{number} of its statements" if number < MOST_PROBLEMS else f"{number} of its statements and more"
    for each in sorted([*problems, *commas]):
        if each in commas or SAID_OF_PYTHON_2.search(each.message):
            # `except Error, Other:` looks like syntax of Python 3.14, which it is not in such a file.
            said = f"{OF_PYTHON_2}: {seen} cannot be read"
            return (Problem(each.line, each.column, each.end_line, said, ""),)
    if number > MOST_TOLD:
        last = problems[MOST_TOLD - 1]
        said = f"{seen} cannot be read; this is the last that is named"
        return (*newer, *problems[: MOST_TOLD - 1], last._replace(message=f"{last.message}; {said}"))
    return (*newer, *problems)
