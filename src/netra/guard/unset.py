"""Secrets that are None when nobody has set them, and what of a request they are compared with.

secret = os.getenv("SERVICE_SECRET")
return request.headers.get("X-Service") == secret
"""

import re
from collections import defaultdict
from collections.abc import Iterator
from typing import Final, NamedTuple

from netra.guard.analysis import Analysis
from netra.guard.environment import Access, Touch, accesses, is_edge
from netra.guard.facts import BODY, NOTHING, TOP, Expression, last_name
from netra.guard.libraries_of_settings import library_reads
from netra.guard.lookups import lookups
from netra.guard.meaning.expressions import comparisons, within
from netra.guard.requests.absent import Absent, absent
from netra.guard.settings import is_of_settings, values_of
from netra.guard.symbols import ClassSymbol, FunctionSymbol, VariableSymbol
from netra.guard.values import Instance
from netra.guard.verifying import Verified

# What a variable is called by which others are let in.
SECRET: Final = re.compile(r"SECRET|TOKEN|PASSWORD|PASSWD|PASSPHRASE|(?:^|_)(?:API_?)?KEY(?:_|$)|APIKEY|CREDENTIAL")

EMPTY: Final[Expression] = ("string", "")

# They compare two texts in a time that tells nothing; None they refuse.
COMPARING: Final = frozenset({"compare_digest"})


class Unset(NamedTuple):
    """Where nobody has set a secret, what was not sent is equal to it. `said`: the text that everybody can send, or empty."""

    scope: FunctionSymbol
    line: int
    column: int
    variable: str
    read: FunctionSymbol
    read_line: int
    said: str


class _Kept(NamedTuple):
    """What reads a secret without any default, and the class that has it under a name, when it is no plain name."""

    variable: str
    scope: FunctionSymbol
    line: int
    kind: ClassSymbol | None


class _Test(NamedTuple):
    """Two sides that are compared."""

    sides: tuple[Expression, Expression]
    line: int
    column: int
    digested: bool


def unset_secrets(analysis: Analysis) -> Iterator[Unset]:
    """Every comparison that a missing secret and a missing part of the request pass together."""
    direct, kept = _secrets(analysis)
    if not direct and not kept:
        return
    scopes = dict.fromkeys(direct)
    if kept:
        names = re.compile("|".join(f"^{re.escape(each.upper())}$" for each in kept))
        readers = [*analysis.once(Verified).readers(names)]
        scopes.update(dict.fromkeys(readers))
        asked = {last_name(each) for reader in readers for each in asked_for(reader)}
        kept = {name: found for name, found in kept.items() if name not in asked}
    for scope in scopes:
        if scope.module.in_tests or is_edge(scope.module) or scope.facts.sort in (TOP, BODY):
            continue
        for test in _tests(scope):
            for secret, sent in (test.sides, test.sides[::-1]):
                if (found := _passed(analysis, secret, sent, test, scope, direct.get(scope, ()), kept)) is not None:
                    yield found
                    break


def _secrets(analysis: Analysis) -> tuple[dict[FunctionSymbol, list[Access]], dict[str, list[_Kept]]]:
    """The reads of secrets without a default, by the function in which they stand, and by the name that has what was read."""
    direct: dict[FunctionSymbol, list[Access]] = defaultdict(list)
    kept: dict[str, list[_Kept]] = defaultdict(list)
    for access in (*analysis.once(accesses), *analysis.once(lookups), *analysis.once(library_reads)):
        optional = access.touch is Touch.READ and access.default in (None, NOTHING) and SECRET.search(access.variable.upper())
        if not optional or access.mention.where[0] in ("subscript", "compare") or access.module.in_tests:
            continue
        scope = access.scope
        if scope.facts.sort not in (TOP, BODY):
            direct[scope].append(access)
        for each in scope.assignments_on.get(access.line, ()):
            if each.how in ("=", "annotated") and _is_read(each.value, access):
                of_object = each.target[0] == "attribute" and each.target[1] in (("name", "self"), ("name", "cls"))
                kind = (
                    scope.owner if of_object else scope.module.of_class(scope.facts.owner) if scope.facts.sort == BODY else None
                )
                if scope.facts.sort == TOP or kind is not None:
                    kept[last_name(each.target) or ""].append(_Kept(access.variable, scope, access.line, kind))
    for module in analysis.modules:
        for kind in module.classes if not module.in_tests else ():
            for each in kind.body.facts.assignments if kind.facts.bases else ():
                name = last_name(each.target) or ""
                optional = each.value == NOTHING and each.how == "annotated" and SECRET.search(name.upper())
                if optional and is_of_settings(analysis.program, kind):
                    kept[name].append(_Kept(name.upper(), kind.body, each.line, kind))
    return direct, kept


def _is_read(value: Expression, access: Access) -> bool:
    """The call that reads the variable, and nothing around it."""
    if value[0] != "call":
        return False
    call = access.scope.facts.calls[value[1]]
    return (call.line, call.column) == (access.line, access.column)


def _tests(scope: FunctionSymbol) -> Iterator[_Test]:
    facts = scope.facts
    values = [(each, block.head, 0) for block in facts.blocks if block.what == "if" for each in block.expressions]
    values += [(each.value, each.line, each.column) for each in facts.returned]
    values += [(each.value, each.line, each.column) for each in facts.assignments]
    for value, line, column in values:
        for parts, operators in comparisons(value):
            if operators in (("Eq",), ("NotEq",)):
                yield _Test((parts[0], parts[1]), line, column, False)
    for call in facts.calls:
        if last_name(call.callee) in COMPARING and len(call.arguments) == 2:
            yield _Test((call.arguments[0], call.arguments[1]), call.line, call.column, True)


def _passed(
    analysis: Analysis,
    secret: Expression,
    sent: Expression,
    test: _Test,
    scope: FunctionSymbol,
    direct: list[Access] | tuple[()],
    kept: dict[str, list[_Kept]],
) -> Unset | None:
    gives, bare, around = NOTHING, secret, ""
    match secret:
        case ("formatted", parts):
            held = [part for part in parts if part[0] != "string"]
            if len(held) != 1:
                return None
            bare = held[0]
            around = "".join(part[1] if part[0] == "string" else "None" for part in parts)
        case ("choice", (first, ("string", "") as last)):
            gives, bare = last, first
    if test.digested and gives == NOTHING and not around:
        return None  # it raises a TypeError
    found = _source(analysis, bare, scope, direct, kept)
    left_out = absent(sent, scope, analysis) if found is not None else None
    if found is None or left_out is None or (not around and left_out.gives != gives):
        return None
    if _is_asked(bare, scope, direct, found) or (not around and _is_sent_for_certain(sent, left_out, scope)):
        return None
    return Unset(scope, test.line, test.column, found.variable, found.scope, found.line, around)


def _source(
    analysis: Analysis,
    bare: Expression,
    scope: FunctionSymbol,
    direct: list[Access] | tuple[()],
    kept: dict[str, list[_Kept]],
) -> _Kept | None:
    """Where the secret is read that stands on one side."""
    value = bare
    if bare[0] == "name" and (given := scope.assigned.get(bare[1])) is not None:
        if len(given) != 1 or given[0].how not in ("=", "annotated"):
            return None
        value = given[0].value
    for access in direct:
        if _is_read(value, access):
            return _Kept(access.variable, access.scope, access.line, None)
    for each in kept.get(last_name(value) or "", ()):
        if value[0] == "name" and each.kind is None:
            match analysis.program.lookup(value[1], scope):
                case VariableSymbol(scope=holder, name=name) if holder is each.scope:
                    if len(holder.assigned.get(name, ())) == 1 and name not in holder.module.rebinding:
                        return each
        if value[0] == "attribute":
            if each.kind is None:
                match analysis.program.evaluate(value, scope):
                    case VariableSymbol(scope=holder) if holder is each.scope:
                        return each
            elif _is_of(value[1], each.kind, scope, analysis) and len(each.kind.set_on_self.get(value[2], ())) <= 1:
                return each
    return None


def _is_of(owner: Expression, kind: ClassSymbol, scope: FunctionSymbol, analysis: Analysis) -> bool:
    if owner in (("name", "self"), ("name", "cls")):
        return scope.owner is kind
    match analysis.receivers.value(owner, scope):
        case Instance(kind=made):
            return made is kind
    return False


def _is_asked(bare: Expression, scope: FunctionSymbol, direct: list[Access] | tuple[()], found: _Kept) -> bool:
    """The function asks whether the secret is there, or reads it once more, in whatever way."""
    if sum(each.variable == found.variable for each in direct) > 1:
        return True
    return bare in asked_for(scope)


def _is_sent_for_certain(sent: Expression, left_out: Absent, scope: FunctionSymbol) -> bool:
    """The function asks whether the client has sent it."""
    if sent in asked_for(scope):
        return True
    return left_out.key is not None and any(left_out.key in parts for parts, _ in _compared(scope))


def _compared(scope: FunctionSymbol) -> Iterator[tuple[tuple[Expression, ...], tuple[str, ...]]]:
    for each in _asking(scope):
        yield from (found for found in comparisons(each) if found[1] in (("In",), ("NotIn",)))


def _asking(scope: FunctionSymbol) -> Iterator[Expression]:
    """The tests of a function, and what it chooses by."""
    yield from (test for block in scope.facts.blocks for test in block.expressions)
    yield from (test for test, _ in scope.facts.asserts)
    for value in values_of(scope):
        yield from (each for each in within(value, scope) if each[0] in ("choice", "compare", "not"))


def asked_for(scope: FunctionSymbol) -> set[Expression]:
    """Whatever some test asks whether it is there."""
    found: set[Expression] = set()
    waiting = [*_asking(scope)]
    while waiting:
        match waiting.pop():
            case ("not", inner):
                waiting.append(inner)
            case ("choice", parts):
                # `token or ""` asks nobody to leave.
                waiting += [each for each in parts if parts[-1] != EMPTY]
            case ("compare", (one, ("none",)), _):
                found.add(one)
            case ("call", int(index)):
                found.update(scope.facts.calls[index].given)
            case ("name" | "attribute", *_) as asked:
                found.add(asked)
    return found
