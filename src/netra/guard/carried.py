"""Reads of the environment that a function was handed: `def load(env=os.environ)`, `Config.of(os.environ)`, a copy by a name.

So is what a function was handed to ask with: `def load(read=os.environ.get)`, `Config(os.getenv)`. Whoever hands it on decides
where it comes from; what is asked of it, and what replaces what is missing, stands with whoever asks. So do its secrets.
"""

from collections.abc import Iterable, Iterator
from typing import Final

from netra.guard.analysis import Analysis
from netra.guard.asked import call_of, text_of
from netra.guard.environment import Access, Touch, accesses
from netra.guard.facts import BODY, LAMBDA, TOP, Expression, Mention, last_name
from netra.guard.meaning.expressions import within
from netra.guard.meaning.parameters import parameter_given
from netra.guard.spellings import MAPPINGS, of_os
from netra.guard.symbols import FunctionSymbol
from netra.guard.values import Routine, TypeOf

ASKING: Final = frozenset({"get", "__getitem__", "pop"})
COPYING: Final = frozenset({"dict", "copy", "deepcopy", "ChainMap", "MappingProxyType"})

# Functions that hand it on to others.
FURTHEST: Final = 3


def carried_reads(analysis: Analysis) -> list[Access]:
    """What is asked of the environment by the name of a parameter or of a copy."""
    wholes = (each for scope, mention in _whole(analysis) for each in _carriers(analysis, scope, mention))
    found = [read for scope, name in _carrying(analysis, wholes) for read in _reads(analysis, scope, name)]
    asking = (each for access in _ways(analysis) for each in _asking(analysis, access))
    return found + [read for scope, name in _carrying(analysis, asking) for read in _asked_with(analysis, scope, name)]


def _carrying(analysis: Analysis, first: Iterable[tuple[FunctionSymbol, str]]) -> list[tuple[FunctionSymbol, str]]:
    """The functions that have it, each with the name that it has there: the first ones, and those that they hand it to."""
    found: dict[tuple[FunctionSymbol, str], None] = {}
    waiting = list(dict.fromkeys(first))
    for _ in range(FURTHEST):
        fresh = [each for each in waiting if each not in found]
        found.update(dict.fromkeys(fresh))
        waiting = list(dict.fromkeys(each for scope, name in fresh for each in _handed_on(analysis, scope, name)))
    return list(found)


def _ways(analysis: Analysis) -> Iterator[Access]:
    """Where the function that asks is handed out, and nothing is asked yet."""
    for each in analysis.once(accesses):
        handed = (
            each.touch is Touch.READ and not each.variable and each.mention.where[0] in ("attribute", "argument", "default")
        )
        if handed and not each.module.in_tests and call_of(each.scope, each.mention) is None:
            yield each


def _asking(analysis: Analysis, access: Access) -> Iterator[tuple[FunctionSymbol, str]]:
    """The parameters that get what asks."""
    scope, mention = access.scope, access.mention
    way = mention.expression
    if mention.where[0] == "attribute":
        way = ("attribute", way, mention.where[1])
    yield from _defaults(scope, way, mention.line)
    for index, call in enumerate(scope.facts.calls):
        if call.line <= mention.line <= call.end_line:
            for position, value in call.placed:
                if value == way:
                    yield from _given(analysis, scope, index, position)


def _asked_with(analysis: Analysis, scope: FunctionSymbol, name: str) -> Iterator[Access]:
    """`read("A")` in a function that was handed `read`."""
    if any(each.target == ("name", name) for each in scope.facts.assignments):
        return
    for call in scope.facts.calls:
        if call.callee == ("name", name) and call.arguments:
            mention = Mention(call.callee, ("called",), call.line, call.column)
            default = call.arguments[1] if len(call.arguments) > 1 else dict(call.keywords).get("default")
            variable = text_of(analysis, call.arguments[0], scope)
            yield Access(scope, Touch.READ, variable, default, call.line, call.column, call.end_line, mention)


def _defaults(scope: FunctionSymbol, whole: Expression, line: int) -> Iterator[tuple[FunctionSymbol, str]]:
    """The parameters that have it where a caller gives nothing."""
    for function in scope.children:
        for one in function.facts.parameters:
            if one.default == whole and function.facts.line <= line <= max(one.line, function.facts.line):
                yield function, one.name


def _whole(analysis: Analysis) -> Iterator[tuple[FunctionSymbol, Mention]]:
    """Where all of it is taken, also `env = os.environ if env is None else env`."""
    for each in analysis.once(accesses):
        if each.touch is Touch.WHOLE and not each.module.in_tests:
            yield each.scope, each.mention
    for scope in analysis.scopes:
        for mention in scope.facts.mentions:
            given = mention.where[0] == "assign" and mention.where[1][0] == "name" and mention.where[1][1] in scope.parameters
            if given and not scope.module.in_tests and of_os(analysis, mention.expression, scope) in MAPPINGS:
                yield scope, mention


def _carriers(analysis: Analysis, scope: FunctionSymbol, access: Mention) -> Iterator[tuple[FunctionSymbol, str]]:
    """The parameters and names that get it in one place."""
    whole = access.expression
    match access.where:
        case ("default",):
            yield from _defaults(scope, whole, access.line)
        case ("argument", int(index), int() | str() as position):
            yield from _given(analysis, scope, index, position)
    for each in scope.facts.assignments:
        named = each.target[0] == "name" and each.line == access.line and each.how in ("=", "annotated")
        if named and _is_made_of(each.value, whole, scope):
            yield scope, each.target[1]


def _given(analysis: Analysis, scope: FunctionSymbol, index: int, position: int | str) -> Iterator[tuple[FunctionSymbol, str]]:
    match analysis.receivers.value(scope.facts.calls[index].callee, scope):
        case Routine(function=function, bound=bound) if not function.module.library:
            if (name := parameter_given(function, position, bound=bound)) is not None:
                yield function, name
        case TypeOf(kind=kind) if not kind.module.library:
            for function in kind.methods.get("__init__", ())[:1]:
                if (name := parameter_given(function, position, bound=True)) is not None:
                    yield function, name


def _is_made_of(value: Expression, whole: Expression, scope: FunctionSymbol) -> bool:
    """It, a copy of it, or it where nothing else was given: `environ if env is None else env`, `dict(environ)`."""
    match value:
        case ("choice", parts):
            return any(_is_made_of(each, whole, scope) for each in parts)
        case ("call", int(index)):
            call = scope.facts.calls[index]
            if last_name(call.callee) not in COPYING:
                return False
            inner = call.callee[1:2] if call.callee[0] == "attribute" and not call.arguments else call.arguments
            return any(_is_made_of(each, whole, scope) for each in inner)
        case ("dict", pairs):
            return any(_is_made_of(each, whole, scope) for key, each in pairs if key[0] != "string")
        case ("operator", "|", left, right):
            return _is_made_of(left, whole, scope) or _is_made_of(right, whole, scope)
    return value == whole


def _handed_on(analysis: Analysis, scope: FunctionSymbol, name: str) -> Iterator[tuple[FunctionSymbol, str]]:
    """The functions that get it from one that has it, and those that stand in it."""
    for index, call in enumerate(scope.facts.calls):
        for position, value in call.placed:
            if value == ("name", name):
                yield from _given(analysis, scope, index, position)
    if scope.facts.sort not in (TOP, BODY):
        yield from ((each, name) for each in scope.children if name not in each.bound or each.facts.sort == LAMBDA)


def _reads(analysis: Analysis, scope: FunctionSymbol, name: str) -> Iterator[Access]:
    """What is asked of it in one function."""
    whole: Expression = ("name", name)
    for call in scope.facts.calls:
        match call.callee:
            case ("attribute", inner, str(asking)) if inner == whole and asking in ASKING and call.arguments:
                mention = Mention(whole, ("attribute", asking), call.line, call.column)
                default = call.arguments[1] if len(call.arguments) > 1 else dict(call.keywords).get("default")
                variable = text_of(analysis, call.arguments[0], scope)
                yield Access(scope, Touch.READ, variable, default, call.line, call.column, call.end_line, mention)
    values = [(each.value, each.line, each.column) for each in scope.facts.assignments]
    values += [(each.value, each.line, each.column) for each in scope.facts.returned]
    known: set[tuple[str, int]] = set()
    for value, line, column in values:
        for each in within(value, scope):
            if each[0] == "subscript" and each[1] == whole:
                variable = text_of(analysis, each[2], scope)
                if (variable, line) not in known:
                    known.add((variable, line))
                    mention = Mention(whole, ("subscript", variable), line, column)
                    yield Access(scope, Touch.READ, variable, None, line, column, line, mention)
