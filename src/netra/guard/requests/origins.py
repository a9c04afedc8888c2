"""What of a request a value is made of: from the parameters of routes and sockets down through arguments and returns.

A parameter of a function that is served holds what its callers pass; what a function gives is made of what it returns. A
function of a library is taken to give something made of all that it is given.
"""

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from netra.guard.analysis import Analysis
from netra.guard.entries.sorts import LISTENER, ROUTE, SOCKET, TASK
from netra.guard.facts import BODY, SELF, TOP, Assignment, CallSite, Expression, last_name
from netra.guard.meaning.expressions import within
from netra.guard.requests.ambient import Ambient
from netra.guard.requests.brought import OF_TOOL, Origin, named_for, of_framework, of_tool, proven
from netra.guard.requests.claims import BODIES
from netra.guard.requests.coming_in import ComingIn
from netra.guard.requests.filling import FilledParameters
from netra.guard.requests.made_for import MadeForOne
from netra.guard.requests.prepared_sockets import prepared_with
from netra.guard.requests.serving import MAKING, SIGNING_IN, WHOM, Serving
from netra.guard.requests.told_later import told_later
from netra.guard.requests.words import ACTING, BROUGHT, CARRIERS, HANDED, OF_A_USER, OWN, SOCKETS, WRITERS, gives_user
from netra.guard.symbols import ClassSymbol, FunctionSymbol
from netra.guard.values import Instance, Routine, Step

# By these, containers are given what they hold.
FILLING: Final = frozenset("append add extend update insert setdefault appendleft".split())

CONSTANT: Final = frozenset({"string", "constant", "none", "other", "compare", "not"})
PLAIN: Final = CONSTANT | {"lambda"}

# What they give says how many there are, or whether, and is nobody's.
COUNTING: Final[frozenset[Expression]] = frozenset({("name", "len"), ("name", "bool"), ("name", "isinstance")})

# What these give is what their comparisons let through: `select(Message).where(Message.user_id == user_id)`.
SELECTING: Final = frozenset("where filter and_ or_ having".split())

# What an operator calls once, whatever it is told: `init(tenant_id="acme")`.
SETTING_UP: Final = frozenset("init initialize initialise setup set_up configure install instrument bootstrap".split())

# Blocks that are run, or are passed by.
WAYS: Final = frozenset({"handler", "if", "else"})

# Names and calls that are looked through; further on, everything is made of everything. And when to stop following calls.
FURTHEST: Final = 14
FURTHEST_PERSONAL: Final = 5  # what was made of a user five calls ago says little of that user, unless it is still called one
FURTHEST_RETURN: Final = 8
MOST_WAVES: Final = 40


class Origins:
    """Answers what a value has of a request."""

    def __init__(self, analysis: Analysis) -> None:
        self._analysis = analysis
        self._serving = analysis.once(Serving)
        self._open: set[tuple[FunctionSymbol, Expression]] = set()
        self._brought: dict[tuple[FunctionSymbol, str], Origin] = {}
        """What the parameters of served functions are made of."""
        self._answers: dict[tuple[FunctionSymbol, Expression, int], Origin | None] = {}
        self._handing_back: dict[FunctionSymbol, bool] = {}
        self._ambient = analysis.once(Ambient)
        self._filling = FilledParameters(analysis)
        self._coming_in = ComingIn(analysis, self._identifies)
        self._objects = MadeForOne(analysis, self.of)
        self._identifying: dict[FunctionSymbol, bool] = {}
        self._filled: dict[FunctionSymbol, tuple[tuple[FunctionSymbol, str, Expression, int], ...]] = {}
        self._follow()
        self._answers.clear()
        self._filled.clear()

    def _follow(self) -> None:
        found = self._brought
        waiting: dict[FunctionSymbol, None] = {}
        for entry in self._analysis.reach.entries.values():
            if entry.sort in (ROUTE, SOCKET, TASK, LISTENER) and entry.function in self._serving:
                asked = entry.sort in (ROUTE, SOCKET) or self._ambient.is_asked(entry)
                # What a dependency depends on comes first: what it gives is made of that.
                for function in (*(reversed(self._coming_in.dependencies(entry.function)) if asked else ()), entry.function):
                    for parameter in function.facts.parameters:
                        origin = self._coming_in.by(function, parameter, entry)
                        # Of what a task or a listener is given, only what is said to be a user's is taken to be, and a request.
                        if origin is not None and (origin.personal or asked or parameter.name in HANDED):
                            found.setdefault((function, parameter.name), origin)
                    waiting[function] = None
        for scope in self._analysis.scopes:
            for parameter in scope.facts.parameters:
                told = parameter.name in WHOM and scope in self._serving and scope.name.strip("_") not in SETTING_UP
                if told and not SIGNING_IN & {*scope.parameters}:
                    note = f"`{scope.facts.qualified}` is told whose work it does by `{parameter.name}`"
                    step = Step(scope.module.path, parameter.line, note)
                    found.setdefault((scope, parameter.name), Origin(parameter.name, (step,), personal=True))
                    waiting[scope] = None
        # In waves: a function to which ten callers pass ten things is looked at once for all of them.
        for _ in range(MOST_WAVES):
            wave, waiting = waiting, {}
            self._answers.clear()
            for scope in wave:
                waiting.update(dict.fromkeys(each for each in scope.children if each in self._serving))
                for below, name, origin in self._passed(scope):
                    known = found.get((below, name))
                    if known is None or (origin.personal and not known.personal):
                        found[below, name] = origin
                        waiting[below] = None
                        if scope.parameters.keys() & CARRIERS and self._hands_back(below):
                            waiting[scope] = None  # of `who_asks(request)` something is known only now
                        if origin.personal and below.name in MAKING and below.owner is not None:
                            waiting.update(dict.fromkeys(self._methods_of(below.owner)))

    def _methods_of(self, kind: ClassSymbol) -> Iterator[FunctionSymbol]:
        """The methods that meet what an object of a class was made with."""
        for each in (kind, *self._analysis.program.subclasses.get(kind, ())):
            for methods in each.methods.values():
                yield from (method for method in methods if method in self._serving)

    def _identifies(self, dependency: FunctionSymbol) -> bool:
        """What a dependency gives is made of what says in the request who asks, whatever the dependency is called."""
        if dependency not in self._identifying:
            self._identifying[dependency] = False  # what two that depend on one another find
            self._answers.clear()
            given = (self.of(each.value, dependency, each.line) for each in dependency.facts.returned)
            self._identifying[dependency] = any(each is not None and each.personal for each in given)
            self._answers.clear()
        return self._identifying[dependency]

    def _passed(self, scope: FunctionSymbol) -> Iterator[tuple[FunctionSymbol, str, Origin]]:
        """What the calls of a function pass on, with the parameter that gets it."""
        if scope not in self._filled:
            # A constant is made of nothing, whoever is given it.
            self._filled[scope] = tuple([each for each in self._filling.by(scope) if each[2][0] not in CONSTANT])
        for function, name, given, line in self._filled[scope]:
            known = self._brought.get((function, name))
            if known is not None and known.personal:
                continue
            calls_back = given[0] in ("name", "lambda") or (
                given[0] == "attribute" and (given[1] == SELF or given[2].startswith("send"))
            )
            origin = self.held(given, scope, line) if calls_back else self.of(given, scope, line)
            if origin is not None:
                step = Step(scope.module.path, line, f"and is passed to `{function.facts.qualified}` as `{name}`")
                near = len(origin.steps) < FURTHEST_PERSONAL or name in OF_A_USER or self._carries_somebody(name, function)
                yield function, name, replace(origin, steps=(*origin.steps, step), personal=origin.personal and near)

    def _carries_somebody(self, name: str, function: FunctionSymbol) -> bool:
        """A parameter is an object with a field for who acts, as the context of a run: what came with it still is theirs."""
        match self._analysis.receivers.value(("name", name), function):
            case Instance(kind=kind) if not kind.module.library:
                order = self._analysis.program.order(kind)[0]
                return any(each.body.assigned.keys() & ACTING or each.set_on_self.keys() & ACTING for each in order)
        return False

    def of(self, expression: Expression, scope: FunctionSymbol, line: int = 0, depth: int = 0) -> Origin | None:
        """What of a request an expression is made of; None if nothing is seen. At a line, a name is what it last was above."""
        if expression[0] in PLAIN or depth > FURTHEST or (scope, expression) in self._open:
            return None
        asked = (scope, expression, line)
        if asked in self._answers:
            return self._answers[asked]
        self._open.add((scope, expression))
        found = self._of(expression, scope, line, depth + 1)
        self._open.discard((scope, expression))
        # What was asked far down may be nothing only because it was too far.
        if found is not None or depth <= FURTHEST_RETURN:
            self._answers[asked] = found
        return found

    def _of(self, expression: Expression, scope: FunctionSymbol, line: int, depth: int) -> Origin | None:
        # Nearly every expression is one of these three, and `match` would be felt.
        sort = expression[0]
        if sort == "name":
            return named_for(expression[1], self._named(expression[1], scope, line, depth)) or of_framework(
                self._ambient.name(expression[1], scope), scope
            )
        if sort == "call":
            return self._called(scope.facts.calls[expression[1]], scope, line, depth)
        if sort == "attribute":
            return self._attribute(expression, scope, line, depth)
        match expression:
            case ("await" | "star" | "yield", inner):
                return self.of(inner, scope, line, depth - 1)  # it is no step of its own
            case ("subscript", inner, key):
                # `event["user"]`
                found = proven(inner, key, self._first((inner, key), scope, line, depth))
                # `self.scope["user"]`, `request["user_id"]`
                return named_for(key[1], found) if key[0] == "string" else found
            case ("choice" | "list" | "tuple" | "set" | "formatted", parts):
                return self._first(parts, scope, line, depth - 1)
            case ("operator", _, left, right):
                return self._first((left, right), scope, line, depth)
            case ("dict", of_pairs):
                return self._first(tuple(value for _, value in of_pairs), scope, line, depth)
            case ("comprehension", _, element):
                return self.of(element, scope, line, depth - 1)
        return None

    def _attribute(self, expression: Expression, scope: FunctionSymbol, line: int, depth: int) -> Origin | None:
        _, inner, name = expression
        if last_name(inner) in CARRIERS:
            found = named_for(name, self.of(inner, scope, line, depth)) if name in BROUGHT else None
            return replace(found, personal=True) if found is not None and name in OWN else found
        if (known := self._ambient.attribute(expression, scope)) is not None:
            return of_framework(known, scope)
        if name in OF_A_USER and inner[0] == "attribute" and inner[2] == "state" and last_name(inner[1]) in CARRIERS:
            return named_for(name, self.of(inner[1], scope, line, depth))  # put there by middleware
        if name == "request" and inner[0] == "attribute" and inner[2] == "request_context" and scope in self._serving:
            return of_tool(scope)
        if (answering := self._objects.of_handler(expression, scope)) is not None:
            return answering
        if inner == SELF:
            return self._objects.kept(name, scope, depth) or self._objects.of_connection(name, scope)
        found = named_for(name, self.of(inner, scope, line, depth))
        if found is not None and found.personal and inner[0] == "name" and inner[1] in BODIES and not _is_of_somebody(name):
            return replace(found, personal=False)  # something in it is of a user, and this need not be
        if found is not None and name in WRITERS and inner[0] == "name" and inner[1] in scope.parameters:
            return replace(found, personal=True)
        if found is None and name in ACTING and inner[0] == "name" and inner[1] in scope.parameters and scope in self._serving:
            note = f"`{scope.facts.qualified}` is told whose work it does by `{inner[1]}.{name}`"
            return Origin(f"{inner[1]}.{name}", (Step(scope.module.path, scope.facts.line, note),), personal=True)
        return found

    def knows_user(self, scope: FunctionSymbol) -> bool:
        """A function has in hand who is asking: a parameter says so, or what it reads of a request."""
        if any((origin := self._brought.get((scope, name))) is not None and origin.personal for name in scope.parameters):
            return True
        reads = [each.expression for each in scope.facts.reads] + [call.callee for call in scope.facts.calls]
        parts = (part for each in reads for part in within(each, scope) if part[0] == "attribute")
        found = (self.of(part, scope) for part in parts if part[2] in OF_A_USER or part[2] in OWN)
        return any(each is not None and each.personal for each in found)

    def held(self, expression: Expression, scope: FunctionSymbol, line: int = 0) -> Origin | None:
        """What of a request stays with what is kept here: also the object of a method, and what a function closes over."""
        match expression:
            case ("attribute", inner, str(name)) if last_name(inner) in CARRIERS and name not in ("app", "application"):
                # Whoever it is, the connection itself is one person's.
                origin = self.of(inner, scope, line)
                return None if origin is None else replace(origin, personal=True)
            case ("name", "self") | ("attribute", ("name", "self"), _) if (
                holding := self._objects.holding_connection(expression, scope)
            ) is not None:
                return holding
            case ("attribute", ("name", "self"), str(name)) if scope.owner is not None and name in scope.owner.methods:
                # A method holds its object, with all that was kept there when it was made.
                kept = (self._objects.kept(each, scope, 0) for each in scope.owner.set_on_self)
                return next((each for each in kept if each is not None), None)
            case ("lambda", int(index)):
                return self._closed_over(scope.module.function(index), scope, line)
            case ("tuple" | "list", tuple(inside)):
                # `tools[name] = schema, search`
                held = [each for part in inside if (each := self.held(part, scope, line)) is not None]
                return next((each for each in held if each.personal), held[0] if held else None)
            case ("name", str(name)):
                functions, _ = scope.module.nested.get(scope.facts.number, ({}, {}))
                if name in functions:
                    return self._closed_over(scope.module.function(functions[name][0]), scope, line)
                if (origin := self.of(expression, scope, line)) is not None or scope not in self._serving:
                    return origin
                told = (self.of(given, scope, at) for given, at in told_later(name, scope, self._analysis))
                return next((each for each in told if each is not None), None)
        return self.of(expression, scope, line)

    def _closed_over(self, function: FunctionSymbol, scope: FunctionSymbol, line: int) -> Origin | None:
        outer = sorted(name for name in function.facts.loads if name not in function.bound)
        return self._first(tuple(("name", name) for name in outer), scope, line, 0)

    def _first(self, parts: tuple[Expression, ...], scope: FunctionSymbol, line: int, depth: int) -> Origin | None:
        """The most personal of what the parts are made of."""
        found = [origin for part in parts if part[0] not in PLAIN and (origin := self.of(part, scope, line, depth)) is not None]
        for each in found:
            if each.personal:
                return each
        return found[0] if found else None

    def _named(self, name: str, scope: FunctionSymbol, line: int, depth: int) -> Origin | None:
        at: FunctionSymbol | None = scope
        while at is not None and at.facts.sort not in ("top", "body") and name not in at.bound:
            at, line = at.parent, 0
        if at is None or at.facts.sort in ("top", "body"):
            return None
        above = [each for each in at.assigned.get(name, ()) if each.how not in ("delete", "declared", "except")]
        kept = False
        if line and (earlier := [each for each in above if each.line < line]):
            # `if zone not in ZONES: zone = "UTC"`, `except Denied: user = None`: what was there before may still be there.
            above = []
            for each in reversed(earlier):
                above.append(each)
                if not _is_way_out(each, at, line):
                    break
            else:
                kept = True
        elif line and name in at.parameters:
            above = []
        if (not above or not line) and (origin := self._brought.get((at, name))) is not None:
            return origin
        for each in above:
            opened = prepared_with(each, at)
            if (origin := self.of(opened or each.value, at, each.line, depth)) is not None:
                # What somebody says over a socket need not tell who it is.
                return replace(origin, personal=False) if each.how == "for async" else origin
        return self._brought.get((at, name)) if kept else None

    def _called(self, call: CallSite, scope: FunctionSymbol, line: int, depth: int) -> Origin | None:
        origin = self._given_by(call, scope, line, depth)
        if origin is not None and not origin.personal and gives_user(last_name(call.callee) or ""):
            return replace(origin, personal=True)
        return origin

    def _given_by(self, call: CallSite, scope: FunctionSymbol, line: int, depth: int) -> Origin | None:
        if call.callee == ("name", "getattr") and len(call.arguments) > 1 and call.arguments[1][0] == "string":
            return self.of(("attribute", call.arguments[0], call.arguments[1][1]), scope, line, depth)
        if call.callee in COUNTING:
            return None
        if (known := self._ambient.call(call.callee, scope)) is not None:
            return of_framework(known, scope)
        given = (*call.arguments, *[value for _, value in call.keywords]) if call.keywords else call.arguments
        carried = tuple([each for each in given if each[0] != "name" or each[1] not in CARRIERS])
        called = last_name(call.callee) or ""
        if called[:1].isupper():
            # `Client(websocket)` keeps the socket, and is of whoever is at its other end.
            carried += tuple(each for each in given if each[0] == "name" and each[1] in SOCKETS)
        if called in SELECTING:
            carried += tuple(part for each in given if each[0] == "compare" for part in each[1])
        match self._analysis.receivers.value(call.callee, scope):
            case Routine(function=function) if not function.module.library and not function.facts.abstract:
                if depth > FURTHEST_RETURN:
                    return None
                if call.callee[0] == "attribute" and any(each.value == ("name", "self") for each in function.facts.returned):
                    return self.of(call.callee[1], scope, line, depth)  # `Server(token).start()` gives the server
                asked = self._first(carried, scope, line, depth)
                returned = (self.of(each.value, function, each.line, depth + 1) for each in function.facts.returned)
                origin = next((each for each in returned if each is not None), None)
                if origin is None or asked is not None:
                    if origin is not None or asked is None:
                        return asked
                    # Made of it, in some way: whose it is, a name may say.
                    return replace(asked, personal=False) if self._hands_back(function) else None
                # What other calls pass is not in what this one gets; what the function closes over is, or reads of a request.
                closes_over = function.parent is not None and function.parent.facts.sort not in (TOP, BODY)
                own = closes_over or origin.name == OF_TOOL or self._ambient.is_at_hand(origin.name)
                own = own or any(each not in carried for each in given)
                return origin if own else None
        if call.callee[0] == "attribute":
            if last_name(call.callee[1]) in CARRIERS:
                came = self.of(call.callee[1], scope, line, depth) if call.callee[2] in BROUGHT else None
                return replace(came, personal=True) if came is not None and call.callee[2] in OWN else came
            if call.callee[2].startswith(("receive", "iter_")):
                # What somebody says over a socket need not tell who it is.
                said = self.of(call.callee[1], scope, line, depth)
                return None if said is None else replace(said, personal=False)
            carried = (*carried, call.callee[1])
            if call.callee[2] == "get" and call.arguments:
                return proven(call.callee[1], call.arguments[0], self._first(carried, scope, line, depth))
        return self._first(carried, scope, line, depth)

    def _hands_back(self, function: FunctionSymbol) -> bool:
        """What a function returns is made of its parameters, as far as its own lines tell: `return f"user:{digest(token)}"`."""
        if function not in self._handing_back:
            seen: set[str] = set()
            waiting = [each.value for each in function.facts.returned] if function.parameters else []
            put_into = _put_into(function) if waiting else {}
            while waiting:
                names = {part[1] for part in within(waiting.pop(), function) if part[0] == "name"} - seen - {"self", "cls"}
                seen |= names
                waiting += [each.value for name in names for each in function.assigned.get(name, ())]
                waiting += [value for name in names for value in put_into.get(name, ())]
            self._handing_back[function] = not seen.isdisjoint(function.parameters)
        return self._handing_back[function]


def _put_into(scope: FunctionSymbol) -> dict[str, list[Expression]]:
    """What a function puts into containers, by their names: `found[key] = value`, `found.append(value)`."""
    found: dict[str, list[Expression]] = {}
    for each in scope.facts.assignments:
        if each.target[0] == "subscript" and each.target[1][0] == "name":
            found.setdefault(each.target[1][1], []).append(each.value)
    for call in scope.facts.calls if not FILLING.isdisjoint(scope.called) else ():
        callee = call.callee
        if callee[0] == "attribute" and callee[1][0] == "name" and callee[2] in FILLING:
            found.setdefault(callee[1][1], []).extend(call.arguments)
    return found


def _is_of_somebody(name: str) -> bool:
    """`body.user_id`, `body.api_key`, and not `body.agent_id`."""
    words = {*name.lower().split("_")}
    return not words.isdisjoint({"user", "uid", "email", "token", "key", "secret", "password", "account", "session"})


def _is_way_out(each: Assignment, scope: FunctionSymbol, line: int) -> bool:
    """It stands in a handler, or under a test, that ends before a line: there, what was given before may still be there."""
    around = [block.what for block in scope.facts.blocks if block.line <= each.line <= block.end_line < line]
    return bool(around) and not WAYS.isdisjoint(around)
