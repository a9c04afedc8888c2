"""The text of an address, as far as it is written down: through variables, attributes of `self` and functions that build it.

Like `entries.paths.template`, with more to follow, and with the parameters of functions kept apart: whoever calls the function
writes the rest.
"""

import re
from typing import Final

from netra.guard.analysis import Analysis
from netra.guard.entries.paths import ANY
from netra.guard.facts import BODY, Assignment, CallSite, Expression, Parameter, last_name
from netra.guard.symbols import ClassSymbol, FunctionSymbol, VariableSymbol
from netra.guard.values import Routine

DEEPEST: Final = 8

# A parameter in a text, by the function whose it is and its name.
OPEN: Final = "\x01"
CLOSE: Final = "\x02"
MARK: Final = re.compile(f"{OPEN}[^{CLOSE}]*{CLOSE}")

# Where `%` puts something into a text.
PLACES: Final = re.compile(r"%(?:\(\w+\))?[sdir]")

# What hands a text on, but for its slashes and its letters beyond ASCII.
KEEPING: Final = frozenset("str quote quote_plus URL urlparse AnyHttpUrl".split())
TRIMMING: Final = frozenset("strip lstrip rstrip removeprefix removesuffix upper lower".split())


def mark(function: FunctionSymbol, name: str) -> str:
    """What stands in a text for a parameter of a function."""
    return f"{OPEN}{function.full_name}:{name}{CLOSE}"


def filled(text: str) -> str:
    """The text with `{}` for every parameter."""
    return MARK.sub(ANY, text)


def argument(call: CallSite, function: FunctionSymbol, name: str, *, bound: bool) -> Expression | None:
    """What a call gives a parameter; its default where it gives nothing, and None where that is not known."""
    for key, value in call.keywords:
        if key == name:
            return value
    place = function.parameters[name] - (1 if bound else 0)
    parameter: Parameter = function.facts.parameters[function.parameters[name]]
    if any(each[0] == "star" for each in call.arguments) or place < 0:
        return None
    if parameter.position == "positional" and place < len(call.arguments):
        return call.arguments[place]
    return None if any(key == "**" for key, _ in call.keywords) else parameter.default


class Texts:
    """Answers about texts; use `analysis.once(Texts)`."""

    def __init__(self, analysis: Analysis) -> None:
        self._program = analysis.program
        self._receivers = analysis.receivers
        self._attributes: dict[tuple[ClassSymbol, str], str | None] = {}
        self._made: dict[FunctionSymbol, str | None] = {}
        self._rest: dict[FunctionSymbol, str] = {}
        """What is given for the `*parts` of a function that is looked at just now, as one text."""

    def of(self, expression: Expression, scope: FunctionSymbol, depth: int = 0) -> str | None:
        """The text with `{}` for each part that is not known, and a mark for each parameter; None where nothing is known."""
        if depth > DEEPEST:
            return None
        match expression:
            case ("string", str(text)):
                return text
            case ("formatted", parts):
                known = [self.of(each, scope, depth + 1) for each in parts]
                return None if all(each is None for each in known) else "".join(_or_any(each) for each in known)
            case ("operator", "+", left, right):
                before, after = self.of(left, scope, depth + 1), self.of(right, scope, depth + 1)
                return None if before is None and after is None else f"{_or_any(before)}{after or ANY}"
            case ("operator", "%", ("string", str(text)), given):
                return self._put_in(text, given, scope, depth)
            case ("choice", parts):
                return _the_fullest([self.of(each, scope, depth + 1) for each in parts])
            case ("await", inner):
                return self.of(inner, scope, depth + 1)
            case ("call", int(index)):
                return self._called(scope.facts.calls[index], scope, depth)
            case ("attribute", ("name", "self" | "cls"), str(name)):
                owner = _owner(scope)
                return None if owner is None else self._attribute(owner, name, depth)
            case ("name" | "attribute", *_):
                match self._program.evaluate(expression, scope):
                    case VariableSymbol(scope=where, name=name):
                        return self._variable(where, name, depth)
        return None

    def _put_in(self, text: str, given: Expression, scope: FunctionSymbol, depth: int) -> str | None:
        """`"/users/%s" % user_id`."""
        parts = PLACES.split(text)
        values = given[1] if given[0] == "tuple" else (given,) * (len(parts) - 1 == 1)
        known = [_or_any(self.of(each, scope, depth + 1)) for each in values]
        known += [ANY] * (len(parts) - 1 - len(known))  # by their names, out of a dictionary
        if "%%" in text or len(known) != len(parts) - 1:
            return None
        return parts[0] + "".join(f"{value}{part}" for value, part in zip(known, parts[1:], strict=True))

    def _variable(self, where: FunctionSymbol, name: str, depth: int) -> str | None:
        if name in where.parameters:
            return mark(where, name)
        match where.assigned.get(name):
            case [only] if only.how in ("=", "annotated") and name not in where.module.rebinding:
                return self.of(only.value, where, depth + 1)
        return None

    def _attribute(self, owner: ClassSymbol, name: str, depth: int) -> str | None:
        """An attribute that is set once, in the class or one above it, and nowhere below."""
        key = (owner, name)
        if key not in self._attributes:
            self._attributes[key] = None
            self._attributes[key] = self._set_once(owner, name, depth)
        return self._attributes[key]

    def _set_once(self, owner: ClassSymbol, name: str, depth: int) -> str | None:
        found: list[tuple[FunctionSymbol, Assignment]] = []
        for each in (*self._program.order(owner)[0], *self._program.subclasses.get(owner, ())):
            found += [(each.body, one) for one in each.body.assigned.get(name, ())]
            found += each.set_on_self.get(name, ())
        match found:
            case [(where, only)] if only.how in ("=", "annotated"):
                text = self.of(only.value, where, depth + 1)
                return None if text is None else filled(text)
        return None

    def _called(self, call: CallSite, scope: FunctionSymbol, depth: int) -> str | None:
        name = last_name(call.callee)
        if call.callee[0] == "attribute" and name in TRIMMING:
            return self.of(call.callee[1], scope, depth + 1)
        if call.callee[0] == "attribute" and call.callee[1][0] == "string" and name == "format":
            return self.of(call.callee[1], scope, depth + 1)
        if call.callee[0] == "attribute" and call.callee[1] == ("string", "/") and name == "join" and call.arguments:
            return self._joined(call.arguments[0], scope, depth)
        if name in KEEPING and call.arguments:
            return self.of(call.arguments[0], scope, depth + 1)
        if name == "urljoin" and len(call.arguments) == 2:
            before, after = (self.of(each, scope, depth + 1) for each in call.arguments)
            return None if after is None else f"{_or_any(before)}/{after}"
        match self._receivers.value(call.callee, scope):
            case Routine(function=function, bound=bound) if not function.module.library:
                return self._given(function, call, scope, bound=bound, depth=depth)
        return None

    def _given(self, function: FunctionSymbol, call: CallSite, scope: FunctionSymbol, *, bound: bool, depth: int) -> str | None:
        """What a function that builds an address makes of its arguments."""
        last = function.facts.parameters[-1:]
        if last and last[0].position == "arguments":
            return self._given_parts(function, call, scope, bound=bound, depth=depth)
        if function not in self._made:
            self._made[function] = None
            match function.facts.returned:
                case [only] if only.how == "return" and not function.facts.decorators:
                    self._made[function] = self.of(only.value, function, depth + 1)
        made = self._made[function]
        if made is None:
            return None
        for name in function.parameters:
            if (open_part := mark(function, name)) in made:
                given = argument(call, function, name, bound=bound)
                made = made.replace(open_part, _or_any(None if given is None else self.of(given, scope, depth + 1)))
        return made

    def _given_parts(
        self, function: FunctionSymbol, call: CallSite, scope: FunctionSymbol, *, bound: bool, depth: int
    ) -> str | None:
        """What `def url(self, *parts)` makes of its arguments, when it takes nothing else."""
        if len(function.facts.parameters) > (2 if bound else 1) or any(each[0] == "star" for each in call.arguments):
            return None
        match function.facts.returned:
            case [only] if only.how == "return" and not function.facts.decorators and function not in self._rest:
                self._rest[function] = "/".join(_or_any(self.of(each, scope, depth + 1)) for each in call.arguments)
                made = self.of(only.value, function, depth + 1)
                del self._rest[function]
                return made
        return None

    def _joined(self, given: Expression, scope: FunctionSymbol, depth: int) -> str | None:
        """`"/".join((base, "users", *parts))`."""
        found = [self._part(each, scope, depth) for each in (given[1] if given[0] in ("tuple", "list") else (("star", given),))]
        return None if None in found else "/".join(each for each in found if each)

    def _part(self, given: Expression, scope: FunctionSymbol, depth: int) -> str | None:
        """One of what is joined; of `*parts` all that the caller gives, and None where that is not known."""
        if given[0] != "star":
            return _or_any(self.of(given, scope, depth + 1))
        parts = given[1]
        if parts[0] == "call" and scope.facts.calls[parts[1]].callee == ("name", "map"):
            parts = scope.facts.calls[parts[1]].arguments[-1]  # `map(str, parts)`
        if parts[0] == "comprehension":
            return None
        last = scope.facts.parameters[-1:]
        is_rest = bool(last) and last[0].position == "arguments" and parts == ("name", last[0].name)
        return self._rest.get(scope) if is_rest and parts[1] not in scope.assigned else None


def _owner(scope: FunctionSymbol | None) -> ClassSymbol | None:
    """The class whose method a function is, or stands in."""
    while scope is not None and scope.facts.sort != BODY:
        if scope.owner is not None:
            return scope.owner
        scope = scope.parent
    return None


def _or_any(text: str | None) -> str:
    return ANY if text is None else text


def _the_fullest(texts: list[str | None]) -> str | None:
    """Of `path if path.startswith("http") else base + path` the one that says most, where the others are parts of it."""
    known = [each for each in texts if each is not None]
    if len(known) < len(texts):
        return None
    longest = max(known, key=len)
    return longest if all(each in longest for each in known) else None
