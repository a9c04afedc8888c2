"""Functions of the program that read the variable whose name they are given, and what they are asked for.

A module of settings seldom spells `os.environ` at every setting. It has a function for it, which puts the program's prefix in
front of the name, makes a number of the text, or raises where there is none:

    def env(name, default=None):
        return os.environ.get("APP_" + name, default)

    def env_int(name, default):
        return int(env(name, default))

Each call of such a function with a text is a read of that variable.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from netra.guard.analysis import Analysis
from netra.guard.asked import call_of, text_of
from netra.guard.asked_by_objects import reads_of_objects
from netra.guard.environment import Access, Touch, accesses
from netra.guard.facts import BODY, LAMBDA, TOP, CallSite, Expression, Mention
from netra.guard.meaning.expressions import comparisons
from netra.guard.requests.passing import pairs
from netra.guard.symbols import FunctionSymbol
from netra.guard.values import Routine

# Functions that ask others, which ask others: further on nothing is followed.
FURTHEST: Final = 4


@dataclass(frozen=True, slots=True)
class Lookup:
    """How a function makes a variable's name of what it is given. `default`: the parameter that replaces a missing one."""

    function: FunctionSymbol
    parameter: str
    before: str = ""
    after: str = ""
    upper: bool = False
    default: str = ""

    def variable(self, text: str) -> str:
        return f"{self.before}{text.upper() if self.upper else text}{self.after}"


def lookups(analysis: Analysis) -> list[Access]:
    """What is read through functions of the program that are given the name: each call with a text."""
    known: dict[FunctionSymbol, Lookup] = {}
    for access in analysis.once(accesses):
        if access.touch is Touch.READ and not access.variable and access.scope.facts.sort not in (TOP, BODY):
            # `def env(name): return field(default_factory=lambda: os.getenv(name))`: the function around has the name.
            around = access.scope.parent if access.scope.facts.sort == LAMBDA else None
            key = key_of(access)
            of_around = around is not None and key is not None and key[0] == "name" and key[1] not in access.scope.parameters
            scope = around if of_around and around is not None else access.scope
            found = _made_of(analysis, key, scope)
            if found is not None and (scope not in known or not known[scope].default):
                # `if default is NOTHING: return os.environ[name]` stands above what reads with a default.
                asked = _with_default(found, access.default or _instead(access))
                known[scope] = asked if asked.default else known.get(scope, asked)
    seen: dict[tuple[FunctionSymbol, int, int], Access] = {}
    fresh = known
    for _ in range(FURTHEST):
        following: dict[FunctionSymbol, Lookup] = {}
        for scope, call, lookup in _calls(analysis, fresh):
            given = dict(pairs(call, lookup.function, 1 if _is_bound(lookup.function) else 0))
            key = given.get(lookup.parameter)
            if key is None:
                continue
            if text := text_of(analysis, key, scope):
                mention = Mention(call.callee, ("called",), call.line, call.column)
                place = (call.line, call.column, call.end_line, mention)
                default = given.get(lookup.default) if lookup.default else None
                seen[scope, call.line, call.column] = Access(scope, Touch.READ, lookup.variable(text), default, *place)
            elif scope not in known and (made := _made_of(analysis, key, scope)) is not None:
                before, after = f"{lookup.before}{made.before}", f"{made.after}{lookup.after}"
                whole = Lookup(scope, made.parameter, before, after, made.upper or lookup.upper)
                following[scope] = _with_default(whole, given.get(lookup.default) if lookup.default else None)
        if not following:
            break
        known = known | following
        fresh = following
    return [*seen.values(), *reads_of_objects(analysis)]


def written_by_callers(analysis: Analysis, access: Access) -> str:
    """The variable that a function writes whose name its callers give, all of them by a text: the first of these."""
    scope = access.scope
    made = None if scope.facts.sort in (TOP, BODY) else _made_of(analysis, key_of(access), scope)
    if made is None:
        return ""
    texts = []
    for caller, call, _ in _calls(analysis, {scope: made}):
        key = dict(pairs(call, scope, 1 if _is_bound(scope) else 0)).get(made.parameter)
        texts.append("" if key is None else text_of(analysis, key, caller))
    return made.variable(texts[0]) if texts and all(texts) else ""


def _calls(analysis: Analysis, known: dict[FunctionSymbol, Lookup]) -> Iterator[tuple[FunctionSymbol, CallSite, Lookup]]:
    for scope, _, call in analysis.calls_of(*{each.name for each in known}):
        match analysis.receivers.value(call.callee, scope):
            case Routine(function=function) if function in known:
                yield scope, call, known[function]


def _is_bound(function: FunctionSymbol) -> bool:
    return function.owner is not None and "staticmethod" not in function.decorator_names


def key_of(access: Access) -> Expression | None:
    """What an access asks the environment for, or writes to it, as it stands there."""
    scope, mention = access.scope, access.mention
    if (call := call_of(scope, mention)) is not None:
        keywords = dict(call.keywords)
        return call.arguments[0] if call.arguments else keywords.get("key", keywords.get("varname"))
    if mention.where[0] == "compare":
        return _looked_for(access)
    values = [each.target for each in scope.facts.assignments if each.line == access.line]
    values += [each.value for each in scope.facts.assignments if each.line == access.line]
    values += [each.value for each in scope.facts.returned if each.line == access.line]
    for each in values:
        if each[0] == "subscript" and each[1] == mention.expression:
            return tuple(each[2])
    return None


def _looked_for(access: Access) -> Expression | None:
    """`f"APP_{name}"` of `f"APP_{name}" in os.environ`, in a value or a test on that line."""
    facts = access.scope.facts
    values = [each.value for each in facts.assignments if each.line == access.line]
    values += [each.value for each in facts.returned if each.line == access.line]
    values += [test for each in facts.blocks if each.head == access.line for test in each.expressions]
    for value in values:
        for parts, operators in comparisons(value):
            if parts[1:] == (access.mention.expression,) and operators[0] in ("In", "NotIn"):
                return tuple(parts[0])
    return None


def beginning_of(analysis: Analysis, key: Expression | None, scope: FunctionSymbol) -> str:
    """The text with which a name begins that is put together: `APP_FLAG_` of `f"APP_FLAG_{name}"`."""
    match key:
        case ("operator", "+", left, _):
            return beginning_of(analysis, left, scope)
        case ("operator", "%", left, _):
            return text_of(analysis, left, scope).partition("%")[0]
        case ("call", int(index)):
            match scope.facts.calls[index]:
                case CallSite(callee=("attribute", text, "format")):
                    return text_of(analysis, text, scope).partition("{")[0]
                case CallSite(callee=("attribute", _, "join"), arguments=(("tuple" | "list", (first, *_)),)):
                    return f"{text_of(analysis, first, scope)}_"
                case CallSite(callee=("attribute", inner, "upper" | "strip")):
                    return beginning_of(analysis, inner, scope)
        case ("formatted", (first, *_)):
            return beginning_of(analysis, first, scope)
    return "" if key is None else text_of(analysis, key, scope)


def _made_of(analysis: Analysis, key: Expression | None, scope: FunctionSymbol) -> Lookup | None:
    """A parameter of the function, with a text in front of it or behind it."""
    match key:
        case ("name", str(name)) if _is_parameter(name, scope):
            return Lookup(scope, name)
        case ("call", int(index)):
            match scope.facts.calls[index]:
                case CallSite(callee=("attribute", inner, "upper"), arguments=()):
                    made = _made_of(analysis, inner, scope)
                    if made is not None:
                        return Lookup(scope, made.parameter, made.before.upper(), made.after.upper(), upper=True)
        case ("operator", "+", left, right):
            return _beside(analysis, (left, right), scope)
        case ("formatted", parts):
            return _beside(analysis, tuple(parts), scope)
    return None


def _beside(analysis: Analysis, parts: tuple[Expression, ...], scope: FunctionSymbol) -> Lookup | None:
    made: Lookup | None = None
    before, after = "", ""
    for part in parts:
        text = text_of(analysis, part, scope)
        if made is None and not text:
            made = _made_of(analysis, part, scope)
            if made is None:
                return None
        elif not text:
            return None
        elif made is None:
            before += text
        else:
            after += text
    return None if made is None else Lookup(scope, made.parameter, f"{before}{made.before}", f"{made.after}{after}", made.upper)


def _is_parameter(name: str, scope: FunctionSymbol) -> bool:
    """It has what the caller gave: nothing else is assigned to it."""
    given = any(each.name == name and each.position in ("positional", "keyword") for each in scope.facts.parameters)
    return given and not any(each.target == ("name", name) for each in scope.facts.assignments)


def _instead(access: Access) -> Expression | None:
    """The parameter that a function gives where the variable is missing: `if value is None: return default`."""
    facts, scope = access.scope.facts, access.scope
    parameters = [("name", each.name) for each in facts.parameters if _is_parameter(each.name, scope)]
    read: list[Expression] = [each.target for each in facts.assignments if each.line == access.line and each.how == "="]
    missing = [
        each for each in facts.blocks if each.what == "if" and any(_says_missing(test, read) for test in each.expressions)
    ]
    for each in facts.returned:
        found: list[Expression] = []
        match each.value:
            case ("choice", parts) if any(one in read for one in parts) or each.line == access.line:
                found += [one for one in parts if one in parameters]
            case value if value in parameters and any(block.line <= each.line <= block.end_line for block in missing):
                found.append(value)
        if found:
            return found[-1]
    return None


def _says_missing(test: Expression, read: list[Expression]) -> bool:
    """`value is None`, `not value`, `value == ""`, or one of several of these."""
    match test:
        case ("choice", parts):
            return all(_says_missing(part, read) for part in parts)
        case ("not", inner):
            return inner in read
        case ("compare", (value, ("none",) | ("string", "")), ("Is",) | ("Eq",)):
            return value in read
    return False


def _with_default(lookup: Lookup, default: Expression | None) -> Lookup:
    match default:
        case ("name", str(name)) if _is_parameter(name, lookup.function):
            return Lookup(lookup.function, lookup.parameter, lookup.before, lookup.after, lookup.upper, name)
    return lookup
