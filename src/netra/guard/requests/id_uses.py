"""What a function does with an id that it is given, and what others give it there: as whose id it takes it.

`def between(self, user_id)` says that it wants the id of a user. That it looks for rows by their `user_id`, hands it on as one,
or is given a user's elsewhere, is a second sign, and one that does not lie: a parameter may be called otherwise than it is.
"""

import re
from collections.abc import Collection, Iterator
from itertools import pairwise
from typing import Final

from netra.guard.analysis import Analysis
from netra.guard.facts import CallSite, Expression, last_name
from netra.guard.meaning.expressions import within
from netra.guard.requests.identifiers import EXECUTING, INSERTED, OF_ANYTHING, PERSON, PERSONS, columns, identifier
from netra.guard.requests.passing import pairs
from netra.guard.requests.related import ENDS, WORDS, called, singular
from netra.guard.symbols import ClassSymbol, FunctionSymbol
from netra.guard.values import Instance, Routine, TypeOf

# What makes another value of an id that is the same id.
CASTS: Final = frozenset("str int UUID".split())

# What finds a row of the class that stands beside the key, or in front of it.
FINDING: Final = frozenset(
    "get get_one aget get_or_none get_object_or_404 get_or_404 aget_object_or_404 by_id get_by_id".split()
)
BETWEEN: Final = frozenset({"objects", "query"})

# Who gives a method, or the methods of a class, one kind for another as often as this means it.
MEANT: Final = 2

# How often an id is handed on to another function before nobody follows it any more.
FARTHEST: Final = 4


class IdUses:
    """Answers as what the ids are taken that functions are given; use `analysis.once(IdUses)`."""

    def __init__(self, analysis: Analysis) -> None:
        self._analysis = analysis
        self._found: dict[tuple[FunctionSymbol, str], frozenset[str]] = {}

    def of(self, function: FunctionSymbol, name: str) -> frozenset[str]:
        """The kinds of things as whose id a function takes what it is given under a name."""
        if (function, name) not in self._found:
            self._found[function, name] = frozenset(self._followed(function, name, FARTHEST, set()))
        return self._found[function, name]

    def takes_only(
        self, function: FunctionSymbol, name: str, got: str, given: Expression, scope: FunctionSymbol, *, known: bool = False
    ) -> bool:
        """What is called so is one kind of thing to the function, as a second sign shows, and not the kind that it is given.

        Who takes it for the other, or is given the other elsewhere as well, has called the parameter otherwise than what it is.
        With `known`, the name says enough, and it takes only that nothing speaks against it.
        """
        right, got, uses = of(name), of(f"{got}_id"), self.of(function, name)
        if got in uses and right not in uses:
            return False
        if any(each.target == ("name", name) and is_same(each.value, given, scope) for each in scope.facts.assignments):
            return False  # `turn_id = call_id`: there, the one is the other
        elsewhere = self.given(function, name, given, scope)
        enough = MEANT if got in OF_ANYTHING else 1
        if sum(each == (function, got) for each in elsewhere) >= enough:
            return False
        kinds = [kind for _, kind in elsewhere]
        return kinds.count(got) < MEANT and (known or _is_among(right, uses) or _is_among(right, kinds))

    def given(
        self, function: FunctionSymbol, name: str, but: Expression | None = None, by: FunctionSymbol | None = None
    ) -> list[tuple[FunctionSymbol, str]]:
        """The kinds of things whose ids the program gives it there, but for what one function gives it.

        What is given to a method of the class under the same name counts as well, each with the method: they speak of the same.
        """
        methods = [function]
        if function.owner is not None and function.name != "__init__":
            methods = [each for kind in self._family(function.owner) for each in _methods(kind) if name in each.parameters]
        found: list[tuple[FunctionSymbol, str]] = []
        for method in methods:
            number = method.parameters[name]
            for caller, given in self._analysis.receivers.parameters.given(method, method.facts.parameters[number], number):
                if given is None or caller.module.in_tests or caller in methods or (given == but and caller is by):
                    continue
                if (kind := kind_given(self._analysis, given, caller)) is not None:
                    found.append((method, kind))
        return found

    def _family(self, owner: ClassSymbol) -> list[ClassSymbol]:
        """The class, those above it and those below."""
        above = [kind for kind in self._analysis.program.order(owner)[0] if not kind.module.library]
        return list(dict.fromkeys([*above, *self._analysis.program.subclasses.get(owner, ())]))

    def _followed(self, function: FunctionSymbol, name: str, left: int, seen: set[tuple[FunctionSymbol, str]]) -> Iterator[str]:
        if (function, name) in seen:
            return
        seen.add((function, name))
        bodies = [function]
        if function.owner is not None and function.name != "__init__":
            below = self._analysis.program.subclasses.get(function.owner, ())
            bodies += [each for kind in below for each in kind.methods.get(function.name, ()) if name in each.parameters]
        for body in bodies:
            for scope in (body, *body.children):
                yield from self._taken(("name", name), name, scope, left, seen)
            yield from self._kept(body, name, left, seen)

    def _kept(self, function: FunctionSymbol, name: str, left: int, seen: set[tuple[FunctionSymbol, str]]) -> Iterator[str]:
        """`self._dataset_id = dataset_id`: what the methods of the object take it for."""
        if function.owner is None:
            return
        for each in function.facts.assignments:
            if each.value == ("name", name) and each.target[0] == "attribute" and each.target[1] == ("name", "self"):
                for method in _methods(function.owner):
                    if method is not function:
                        yield from self._taken(each.target, name, method, left, seen)

    def _taken(
        self, given: Expression, name: str, scope: FunctionSymbol, left: int, seen: set[tuple[FunctionSymbol, str]]
    ) -> Iterator[str]:
        """What one body takes it for."""
        for call in scope.facts.calls:
            if any(is_same(each, given, scope) for each in call.given):
                yield from self._handed(call, given, name, scope, left, seen)
            for entries in call.given:
                if entries[0] == "dict":
                    yield from (
                        of(key[1])
                        for key, value in entries[1]
                        if key[0] == "string" and is_same(value, given, scope) and is_id(key[1])
                    )
            yield from _in_statement(call, given, scope)
        for each in scope.facts.assignments:
            if is_same(each.value, given, scope) and each.target[0] == "attribute" and is_id(each.target[2]):
                yield of(each.target[2])
        for part in _parts(scope):
            yield from _compared(part, given, scope)

    def _handed(
        self,
        call: CallSite,
        given: Expression,
        name: str,
        scope: FunctionSymbol,
        left: int,
        seen: set[tuple[FunctionSymbol, str]],
    ) -> Iterator[str]:
        last = last_name(call.callee) or ""
        if last in FINDING:
            classes = [each[1] for each in call.arguments if each[0] == "name" and each[1][:1].isupper()]
            before = call.callee[1] if call.callee[0] == "attribute" else call.callee
            before = before[1] if before[0] == "attribute" and before[2] in BETWEEN else before
            if before[0] == "name" and before[1][:1].isupper() and call.callee[0] == "attribute":
                classes.append(before[1])
            yield from map(of_class, classes)
        function, shift = self._callee(call, scope)
        if function is None:
            yield from (of(key) for key, value in call.keywords if is_id(key) and is_same(value, given, scope))
            return
        for parameter, value in pairs(call, function, shift) if left else ():
            if is_same(value, given, scope):
                if parameter != name and is_id(parameter):
                    yield of(parameter)
                yield from self._followed(function, parameter, left - 1, seen)

    def _callee(self, call: CallSite, scope: FunctionSymbol) -> tuple[FunctionSymbol | None, int]:
        match self._analysis.receivers.value(call.callee, scope):
            case Routine(function=function, bound=bound) if not function.module.library:
                return function, int(bound and function.owner is not None)
            case TypeOf(kind=kind) if not kind.module.library:
                for above in self._analysis.program.order(kind)[0]:
                    if "__init__" in above.methods:
                        return above.methods["__init__"][0], 1
        return None, 0


def kind_given(analysis: Analysis, given: Expression, scope: FunctionSymbol) -> str | None:
    """The kind of thing whose id is given, by the class of the thing or by the name of the id."""
    if given[0] == "name" and given[1] not in scope.parameters and not is_id(given[1]):
        made = scope.assigned.get(given[1], ())
        if len(made) == 1 and made[0].how in ("=", "annotated"):
            given = made[0].value
    if given[0] == "attribute" and given[2] in ("id", "pk"):
        match analysis.receivers.value(given[1], scope):
            case Instance(kind=kind) if not kind.module.library:
                return of(f"{called(kind)}_id")
    if (name := identifier(given, scope)) is not None:
        return of(name)
    # What gives one who signs in is called after them: `owner()`, `current_user()`.
    said = last_name(scope.facts.calls[given[1]].callee) if given[0] == "call" else last_name(given)
    return PERSON if said is not None and of(said) == PERSON else None


def _is_among(thing: str, kinds: Collection[str]) -> bool:
    """`flow` is among `flow_read`, the name of a class."""
    return thing in kinds or any(kind.startswith(f"{thing}_") or kind.endswith(f"_{thing}") for kind in kinds)


def is_id(name: str) -> bool:
    """By its name it is an id."""
    return name.endswith("_id")


def of(name: str) -> str:
    """The kind of thing that an id is called after: all names of persons are one."""
    kind = name.removesuffix("_id").removeprefix("effective_").removeprefix("current_")
    return PERSON if kind in PERSONS else kind


def of_class(name: str) -> str:
    """The kind of thing that a class is of."""
    thing = "_".join(WORDS.findall(name)).lower()
    return of(next((thing.removesuffix(end) for end in ENDS if thing.endswith(end) and thing != end), thing))


def is_same(each: Expression, given: Expression, scope: FunctionSymbol) -> bool:
    """It is what was given, as it is or as a text."""
    if each[0] == "call" and each != given:
        call = scope.facts.calls[each[1]]
        return call.callee[-1] in CASTS and len(call.arguments) == 1 and is_same(call.arguments[0], given, scope)
    return each == given


def _methods(kind: ClassSymbol) -> list[FunctionSymbol]:
    return [each for methods in kind.methods.values() for each in methods]


def _parts(scope: FunctionSymbol) -> Iterator[Expression]:
    """Every comparison, look-up and composed text of a body."""
    facts = scope.facts
    whole = [each for call in facts.calls for each in call.given] + [each.value for each in facts.returned]
    whole += [each for block in facts.blocks for each in block.expressions] + [each.value for each in facts.assignments]
    whole += [each.target for each in facts.assignments]
    for each in whole:
        yield from (part for part in within(each, scope) if part[0] in ("compare", "formatted", "subscript"))


def _compared(part: Expression, given: Expression, scope: FunctionSymbol) -> Iterator[str]:
    match part:
        case ("compare", sides, _) if len(sides) == 2 and any(is_same(each, given, scope) for each in sides):
            other = sides[1] if is_same(sides[0], given, scope) else sides[0]
            match other:
                case ("attribute", inner, "id" | "pk") if (thing := last_name(inner)) is not None:
                    yield of_class(thing) if thing[:1].isupper() else of(f"{thing}_id")
                case ("attribute" | "name", *_) if is_id(last_name(other) or ""):
                    yield of(last_name(other) or "")
                case ("subscript", _, ("string", str(key))) if is_id(key):
                    yield of(key)
        case ("subscript", container, key) if is_same(key, given, scope):
            yield from map(of, map(singular, (last_name(container) or "").strip("_").split("_")))
        case ("formatted", pieces):
            for before, piece in pairwise(pieces):
                if (
                    before[0] == "string"
                    and is_same(piece, given, scope)
                    and (words := re.findall(r"[a-z]+", before[1].lower()))
                ):
                    yield of(singular(words[-2] if words[-1] == "id" and len(words) > 1 else words[-1]))


def _in_statement(call: CallSite, given: Expression, scope: FunctionSymbol) -> Iterator[str]:
    """The columns that a statement of SQL compares with it, or fills with it."""
    if call.callee[-1] not in EXECUTING or not call.arguments:
        return
    yield from (of(name) for name, value in columns(call) if is_same(value, given, scope) and is_id(name))
    text = call.arguments[0]
    if text[0] == "call" and scope.facts.calls[text[1]].arguments:
        text = scope.facts.calls[text[1]].arguments[0]
    if text[0] != "string":
        return
    for entries in (each for each in call.arguments[1:] if each[0] == "dict"):
        for key, value in entries[1]:
            if key[0] == "string" and is_same(value, given, scope):
                yield from map(of, _places(text[1], key[1]))


def _places(text: str, key: str) -> Iterator[str]:
    """The columns that a statement has `:key` for."""
    place = rf"(?::|@|%\(){re.escape(key)}\b"
    yield from re.findall(rf"(\w+_id)\s*(?:=|!=|<>)\s*{place}", text)
    if (inserted := INSERTED.search(text)) is not None:
        names, places = (list(map(str.strip, inserted[number].split(","))) for number in (1, 2))
        yield from (name for name, one in zip(names, places, strict=False) if re.match(place, one) and is_id(name))
