"""Who is signed in: what a framework, a session or a proof says of who is asking, under whatever name it goes on.

It begins where somebody has proved who they are: `request.user`, a session, `get_jwt_identity()`, a dependency or function that
refuses whoever cannot prove it. From there it is followed as it is, and as its id, through names, arguments and attributes.
What is only made of it is something else: the country of a user is no user.
"""

import re
from collections.abc import Iterator
from typing import Final

from netra.guard.analysis import Analysis
from netra.guard.entries.sorts import LISTENER
from netra.guard.facts import TOP, Assignment, CallSite, Expression, Parameter, last_name
from netra.guard.lazily import lazily
from netra.guard.meaning.expressions import within, written
from netra.guard.meaning.makers import maker
from netra.guard.meaning.models import fields
from netra.guard.requests.holders import (
    CONNECTIONS,
    HOLDING,
    OF_CONNECTION,
    SOMEBODY,
    TELLING,
    is_claims,
    is_of_run,
    left_with_request,
)
from netra.guard.requests.own_contexts import OwnContexts
from netra.guard.requests.passing import pairs
from netra.guard.requests.proofs import OF_THE_PROCESS, PROOFS, Proofs, speaks_of_proof, tells_by_name
from netra.guard.requests.proven import Proven
from netra.guard.requests.serving import MAKING, Serving
from netra.guard.requests.singletons import has_fields
from netra.guard.requests.words import CARRIERS, HANDLERS
from netra.guard.symbols import External, FunctionSymbol, VariableSymbol
from netra.guard.values import Instance, Routine, Step, TypeOf

# What somebody signs in with elsewhere is theirs alone.
CREDENTIALS: Final = ("token", "secret", "password", "api_key", "apikey", "credentials")

# In what a tool of an agent finds what the server has made for the run.
HANDED: Final = frozenset({"deps", "context"})

# What libraries give that is who is asking, and objects of theirs that hold it.
GIVEN: Final = frozenset("get_jwt_identity get_current_user current_user get_access_token get_secure_cookie auser".split())
# By these, what was signed is opened again.
OPENING: Final = frozenset({"loads", "unsign"})
EMPTY: Final = (("dict", ()), ("none",), ("string", ""), ("list", ()), ("tuple", ()))
GLOBALS: Final = frozenset({"flask.g", "quart.g", "flask.session", "quart.session"})
# Of somebody who writes to a bot, in its events.
WRITERS: Final = frozenset("user author from_user effective_user sender_id author_id".split())

READ: Final = frozenset({"attribute", "call"})
# What a container is told to do by these, it does, and gives nothing back: `sessions.append(session)`.
GIVING_NOTHING: Final = frozenset("append appendleft extend insert add discard remove".split())

# Where somebody is found by a token.
KEEPERS: Final = re.compile(
    r"token(?!i[sz])|session|user|account|people|person|member|keys|auth|identit|login|who|principal|tenant"
)
# What is made for everybody, as its class is called.
OF_ALL: Final = re.compile(r"(?:Manager|Store|Storage|Repository|Service|Factory|Pool|Registry|Database)(?:[A-Z]\w*)?$")
NAMED: Final = ("name", "string", "attribute")
# How a task is called that runs later.
QUEUEING: Final = frozenset("send delay kiq defer_async defer".split())

FURTHEST: Final = 6
MOST_SITES: Final = 24


class SignedIn:
    """Answers whether something is who is signed in; use `analysis.once(SignedIn)`."""

    def __init__(self, analysis: Analysis) -> None:
        self._analysis = analysis
        self._serving = analysis.once(Serving)
        self._open: set[tuple[FunctionSymbol, Expression]] = set()
        self._known: dict[tuple[FunctionSymbol, Expression], Step | None] = {}
        self._proofs = Proofs(analysis, self.of)
        self._proven = analysis.once(Proven)
        self._contexts: OwnContexts | None = None
        self._left: frozenset[str] = frozenset()
        self._left = frozenset(self._find_left())
        self._known.clear()
        self._contexts = OwnContexts(analysis, self.of)
        self._known.clear()

    def _find_left(self) -> Iterator[str]:
        """Under which names something that runs before leaves who is asking: `request.state.rider = row`, `g.writer = …`."""
        for scope in self._analysis.scopes:
            if scope.module.in_tests or (CONNECTIONS.isdisjoint(scope.facts.loads) and "g" not in scope.facts.loads):
                continue
            for each in scope.facts.assignments:
                name = left_with_request(each.target) if each.how in ("=", "annotated") else None
                if name is None or name in SOMEBODY or scope not in self._serving:
                    continue
                if self.of(each.value, scope) is not None:
                    yield name

    @property
    def left(self) -> frozenset[str]:
        """The names under which who is asking is left with requests, besides those that all programs have."""
        return self._left

    def of(self, expression: Expression, scope: FunctionSymbol, depth: int = 0) -> Step | None:
        """Where it was found out who it is, when an expression is somebody who is signed in, or the id of one."""
        asked = (scope, expression)
        if asked in self._known:
            return self._known[asked]
        if depth > FURTHEST or asked in self._open:
            return None
        self._open.add(asked)
        found = self._of(expression, scope, depth + 1)
        self._open.discard(asked)
        if found is not None or not depth:
            self._known[asked] = found
        return found

    def within(self, expression: Expression, scope: FunctionSymbol) -> Step | None:
        """The same of anything that an expression is made of, also by way of local names."""
        return next((found for each in parts(expression, scope) if (found := self.of(each, scope)) is not None), None)

    def _of(self, expression: Expression, scope: FunctionSymbol, depth: int) -> Step | None:
        if self._contexts is not None and expression[0] in READ and self._contexts.reads(expression, scope):
            return self._step(expression, scope)
        match expression:
            case ("await" | "star", inner):
                return self.of(inner, scope, depth)
            case ("choice", (first, *others)) if others and all(each in EMPTY for each in others):
                return self.of(first, scope, depth)  # `open_session(cookie) or {}`
            case ("list" | "tuple", (alone,)):
                return self.of(alone, scope, depth)  # what stands alone in `query.get("user", [user])`
            case ("name", str(name)):
                return self._named(name, scope, depth)
            case ("attribute", inner, str(name)):
                return self._held(inner, name, scope, expression) or self._attribute(inner, name, scope, depth)
            case ("subscript", inner, key) if key[0] != "string":
                return self._looked_up(inner, (key,), scope)
            case ("subscript", inner, ("string", str(name))):
                return self._held(inner, name, scope, expression) or self._attribute(inner, name, scope, depth)
            case ("call", int(index)):
                return self._called(scope.facts.calls[index], scope, depth)
        return None

    # --- where it is found out ---------------------------------------------------------------------------------------------

    def _held(self, inner: Expression, name: str, scope: FunctionSymbol, said: Expression) -> Step | None:
        """`request.user`, `request.state.user_id`, `session["uid"]`, `info.context["uid"]`, `self.current_user`."""
        left = name in self._left
        kept = name in self._proven.session_keys or name.endswith(CREDENTIALS)
        in_session = kept and self._proven.is_session(inner, scope)
        if name not in SOMEBODY and name not in WRITERS and name not in OF_CONNECTION and not left and not in_session:
            return None
        holder = last_name(inner)
        found = False
        if in_session:
            found = True
        elif holder in CONNECTIONS:
            found = (name in OF_CONNECTION or (left and scope in self._serving)) and not self._is_body(inner, scope)
        elif inner[0] == "attribute" and holder in HOLDING:
            found = last_name(inner[1]) in CONNECTIONS or last_name(inner[1]) in ("info", "ctx", "self")
        elif inner[0] in ("subscript", "call") and name in SOMEBODY and is_of_run(inner, scope):
            found = True
        elif inner == ("name", "self") and name == "current_user":
            found = self._is_handler(scope)
        elif inner[0] == "name" and inner[1] in scope.parameters:
            entry = self._analysis.reach.entries.get(scope)
            found = name in WRITERS and entry is not None and entry.sort == LISTENER and "MCP" not in entry.label
        elif inner[0] == "name" and inner[1] in scope.bound:
            made = [each.value[1] if each.value[0] == "await" else each.value for each in scope.assigned.get(inner[1], ())]
            found = bool(made) and all(each[0] == "call" and is_claims(scope.facts.calls[each[1]]) for each in made)
        elif inner[0] == "name":
            symbol = self._analysis.program.evaluate(inner, scope)
            found = isinstance(symbol, External) and symbol.dotted in GLOBALS
        elif inner[0] == "call" and is_claims(scope.facts.calls[inner[1]]):
            found = True
        return self._step(said, scope) if found else None

    def _is_body(self, inner: Expression, scope: FunctionSymbol) -> bool:
        """`request: ChatRequest`, a class of the program with fields: what is in it, the client has said."""
        if inner[0] != "name" or inner[1] not in scope.parameters or scope.parent is None:
            return False
        said = scope.facts.parameters[scope.parameters[inner[1]]].annotation
        match self._analysis.receivers.annotated(said, scope.parent) if said is not None else None:
            case Instance(kind=kind) if not kind.module.library:
                return any(map(has_fields, self._analysis.program.order(kind)[0]))
        return False

    def _is_handler(self, scope: FunctionSymbol) -> bool:
        if scope.owner is None:
            return False
        above = self._analysis.program.order(scope.owner)[0]
        named = [each.name for each in above] + [last_name(base) or "" for each in above for base in each.facts.bases]
        return any(name.endswith(HANDLERS) for name in named)

    def _called(self, call: CallSite, scope: FunctionSymbol, depth: int) -> Step | None:
        name = last_name(call.callee) or ""
        if name in OPENING and call.callee[0] == "attribute" and self._is_signed(call, scope):
            return self._step(call.callee, scope)
        match call.callee, call.arguments:
            case ("attribute", inner, "get"), (("string", str(key)), *_):
                return self._held(inner, key, scope, ("attribute", inner, key)) or self._attribute(inner, key, scope, depth)
            case ("name", "str" | "int" | "UUID"), (inner,):
                return self.of(inner, scope, depth)
        if name in GIVEN and not isinstance(self._analysis.receivers.value(call.callee, scope), Routine):
            return self._step(call.callee, scope)
        match self._analysis.receivers.value(call.callee, scope):
            case Routine(function=function) if not function.module.library:
                if self.proves(function) and self._hands_over(call, scope):
                    return Step(scope.module.path, call.line, f"`{function.name}` tells who is asking")
                return None if call.given else self._given_by(function, depth)
        if (
            not call.given
            and call.callee[0] == "attribute"
            and call.callee[2] == "get"
            and self.is_context(call.callee[1], scope)
        ):
            return self._step(call.callee, scope)
        return self._looked_up(call.callee, call.arguments, scope)

    def _is_signed(self, call: CallSite, scope: FunctionSymbol) -> bool:
        """`serializer.loads(cookie, max_age=…)` of itsdangerous gives what the server itself has signed."""
        return maker(call.callee[1], scope, self._analysis.program) == "itsdangerous"

    def _given_by(self, function: FunctionSymbol, depth: int) -> Step | None:
        """What a function gives that is told nothing: `def actor(): return getattr(state, "actor", None)`."""
        if OF_THE_PROCESS.search(function.name.lower()):
            return None
        given = [each.value for each in function.facts.returned if each.value[0] != "none"]
        found = [self.of(each, function, depth) for each in given]
        return found[0] if given and all(found) else None

    def is_left(self, expression: Expression, scope: FunctionSymbol) -> bool:
        """Something that runs before has left it: `request.user.id`, `g.account`, `session["uid"]`."""
        while expression[0] in ("attribute", "subscript"):
            if expression[0] == "attribute" or expression[2][0] == "string":
                name = expression[2] if expression[0] == "attribute" else expression[2][1]
                if self._held(expression[1], name, scope, expression) is not None:
                    return True
            expression = expression[1]
        return expression[0] == "name" and expression[1] not in scope.bound and self.of(expression, scope) is not None

    def is_context(self, variable: Expression, scope: FunctionSymbol) -> bool:
        """A context variable that is called as who is asking, or in which something that runs before leaves that."""
        if self._contexts is not None and self._contexts.is_variable(variable, scope):
            return True
        match self._analysis.program.evaluate(variable, scope):
            case VariableSymbol(scope=at, name=name) if at.facts.sort == TOP:
                made = [at.facts.calls[each.value[1]] for each in at.assigned.get(name, ()) if each.value[0] == "call"]
                named = [name, *(each.arguments[0][1] for each in made if each.arguments and each.arguments[0][0] == "string")]
                words = [each.lower().strip("_").removeprefix("current_").removesuffix("_var") for each in named]
                return any(last_name(each.callee) == "ContextVar" for each in made) and any(each in SOMEBODY for each in words)
        return False

    def _looked_up(self, place: Expression, keys: tuple[Expression, ...], scope: FunctionSymbol) -> Step | None:
        """Who is found by what proves who they are: `TOKENS[token]`, `await accounts.by_token(token)`."""
        if place[0] == "attribute" and place[2] in GIVING_NOTHING:
            return None
        if len(keys) != 1 or not KEEPERS.search(written(place, scope).lower()) or not self._is_proven(keys[0], scope):
            return None
        if OF_ALL.search(last_name(place) or ""):
            return None  # `SessionManager(engine)`: it keeps those of everybody
        if keys[0][0] == "name" and isinstance(self._analysis.program.lookup(keys[0][1], scope), FunctionSymbol):
            return None  # `SessionReport(send_session)`: what is done, and no proof
        return self._step(place, scope)

    @staticmethod
    def _is_proven(key: Expression, scope: FunctionSymbol) -> bool:
        """A token, a cookie, a header that brings one; of a token what it is made of may stand before it."""
        texts = [part[1] if part[0] in ("name", "string") else part[2] for part in parts(key, scope) if part[0] in NAMED]
        return any(speaks_of_proof(str(text)) for text in texts)

    @staticmethod
    def _hands_over(call: CallSite, scope: FunctionSymbol) -> bool:
        """It is given the request, what proves something, or nothing: `user_of(order)` asks who somebody else is.

        What is read by a name is a proof by that: `account_of(metadata.get("authorization", ""))`.
        """
        texts = [str(each if each[0] != "call" else parts(each, scope)).lower() for each in call.given]
        return all(any(word in text for word in (*CARRIERS, *PROOFS, "info", "context", "scope")) for text in texts)

    def _step(self, said: Expression, scope: FunctionSymbol) -> Step:
        return Step(scope.module.path, scope.facts.line, f"`{written(said, scope)}` is who is asking")

    def proves(self, function: FunctionSymbol) -> bool:
        """A function tells who is asking: its name says so, or it gives whom it knows by a proof, and refuses others."""
        return self._proofs.proves(function)

    # --- where it goes on ------------------------------------------------------------------------------------------------

    def _named(self, name: str, scope: FunctionSymbol, depth: int) -> Step | None:
        at: FunctionSymbol | None = scope
        while at is not None and at.facts.sort not in (TOP, "body") and name not in at.bound:
            at = at.parent
        if at is None or at.facts.sort in (TOP, "body"):
            symbol = self._analysis.program.evaluate(("name", name), scope)
            known = isinstance(symbol, External) and symbol.dotted.endswith(".current_user")
            return self._step(("name", name), scope) if known else None
        given = at.assigned.get(name, ())
        if given:
            values = [each for each in given if each.value[0] != "none"]
            if name in at.parameters or not values or any(each.how not in ("=", "annotated", "unpack") for each in values):
                return None
            found = [
                self._unpacked(each, at, depth) if each.how == "unpack" else self.of(each.value, at, depth) for each in values
            ]
            return found[0] if all(found) else self._proven.found(name, at)
        return self._passed(at, at.facts.parameters[at.parameters[name]], depth) if name in at.parameters else None

    def _unpacked(self, each: Assignment, scope: FunctionSymbol, depth: int) -> Step | None:
        """`account, token = await signed_in(request)`: which of the two it is, what the function returns tells."""
        value = each.value[1] if each.value[0] == "await" else each.value
        if value[0] != "call" or scope.facts.calls[value[1]].where[0] == "iterate":
            return None
        match self._analysis.receivers.value(scope.facts.calls[value[1]].callee, scope):
            case Routine(function=function) if not function.module.library:
                beside = [
                    one.target
                    for one in scope.facts.assignments
                    if (one.how, one.line, one.column, one.value) == ("unpack", each.line, each.column, each.value)
                ]
                given = [one.value for one in function.facts.returned]
                if given and all(one[0] == "tuple" and len(one[1]) == len(beside) for one in given):
                    number = beside.index(each.target)
                    found = [self.of(one[1][number], function, depth) for one in given]
                    return found[0] if all(found) else None
        return None

    def _passed(self, scope: FunctionSymbol, parameter: Parameter, depth: int) -> Step | None:
        """A dependency fills it with who is asking, or somebody who serves passes it."""
        around = scope.parent
        if around is None or parameter.name in ("self", "cls"):
            return None
        match self._analysis.receivers.parameters.dependency(parameter, around):
            case Routine(function=function):
                named = tells_by_name(function.name) and "service" not in function.name.lower()
                if (named and not self._proofs.gives_what_acts(function)) or self.proves(function):
                    note = f"`{parameter.name}` is who is asking, as `{function.name}` finds out"
                    return Step(scope.module.path, parameter.line, note)
                return None
            case None:
                pass
            case _:
                return None
        for wrapper in self._serving.wrappers(scope):
            handed = wrapper.parent.parameters if wrapper.parent is not None else {}
            for call in wrapper.facts.calls:
                if call.callee[0] == "name" and call.callee[1] in handed:
                    given = dict(pairs(call, scope, 0)).get(parameter.name)
                    if given is not None and (found := self.of(given, wrapper, depth)) is not None:
                        return found
        for caller, call in self._queued.get(scope.name, ()) if scope in self._analysis.reach.entries else ():
            if caller in self._serving:
                given = self._given(call, caller, scope, parameter.name)
                if given is not None and (found := self.of(given, caller, depth)) is not None:
                    return found
        if scope in self._analysis.reach.entries:
            return None
        sites = self._analysis.program.calls_named.get(scope.name if scope.name not in MAKING else _class_name(scope), ())
        for caller, index in sites if len(sites) <= MOST_SITES else ():
            if caller in self._serving:
                given = self._given(caller.facts.calls[index], caller, scope, parameter.name)
                if given is not None and (found := self.of(given, caller, depth)) is not None:
                    return found
        return None

    @lazily
    def _queued(self) -> dict[str | None, list[tuple[FunctionSymbol, CallSite]]]:
        """The calls that let a task run, by the name of the task: `send_mail.delay(user)`."""
        found: dict[str | None, list[tuple[FunctionSymbol, CallSite]]] = {}
        for caller, _, call in self._analysis.calls_of(*QUEUEING):
            if call.callee[0] == "attribute":
                found.setdefault(last_name(call.callee[1]), []).append((caller, call))
        return found

    def _given(self, call: CallSite, caller: FunctionSymbol, scope: FunctionSymbol, name: str) -> Expression | None:
        callee = call.callee
        if callee[0] == "attribute" and callee[2] in QUEUEING:
            callee = callee[1]
        match self._analysis.receivers.value(callee, caller):
            case Routine(function=function, bound=bound) if function is scope:
                return dict(pairs(call, function, 1 if bound and function.owner is not None else 0)).get(name)
            case TypeOf(kind=kind) if scope.name in MAKING and scope.owner in self._analysis.program.order(kind)[0]:
                return dict(pairs(call, scope, 1)).get(name)
        return None

    def _attribute(self, inner: Expression, name: str, scope: FunctionSymbol, depth: int) -> Step | None:
        if inner == ("name", "self"):
            return self._kept(name, scope, depth)
        tells = name in TELLING or name.endswith(CREDENTIALS) or (self._contexts is not None and self._contexts.tells(name))
        if tells and (found := self.of(inner, scope, depth)) is not None:
            return found
        return self._handed_over(inner, name, scope, depth)

    def _handed_over(self, inner: Expression, name: str, scope: FunctionSymbol, depth: int) -> Step | None:
        """`ctx.deps.rider_id` in a tool of an agent: the server has made that object with who is asking."""
        if inner[0] != "attribute" or inner[2] not in HANDED or inner[1][0] != "name" or inner[1][1] not in scope.parameters:
            return None
        match self._analysis.receivers.value(inner, scope):
            case Instance(kind=kind) if not kind.module.library:
                pass
            case _:
                return self._step(("attribute", inner, name), scope) if name in SOMEBODY else None
        for caller, index in self._analysis.program.calls_named.get(kind.name, ()):
            call = caller.facts.calls[index]
            if caller not in self._serving or caller.module.in_tests:
                continue
            given = dict(call.keywords).get(name)
            if given is None and call.arguments:
                named = [each.name for each in fields(kind) or () if not each.keyword_only]
                given = dict(zip(named, call.arguments, strict=False)).get(name)
            if given is not None and (found := self.of(given, caller, depth)) is not None:
                return found
        return None

    def _kept(self, name: str, scope: FunctionSymbol, depth: int) -> Step | None:
        """`self.account` of an object that is made for who is asking, or of a connection that has found out who it is."""
        owner = scope.object_of
        given = (
            []
            if owner is None
            else [each for kind in self._analysis.program.order(owner)[0] for each in kind.set_on_self.get(name, ())]
        )
        for method, each in given:
            if each.how not in ("=", "annotated") or not (method.name in MAKING or method in self._analysis.reach.entries):
                continue
            if (found := self.of(each.value, method, depth) or self._proven.found_in(each, method)) is not None:
                return found
        return None


def parts(expression: Expression, scope: FunctionSymbol) -> list[Expression]:
    """What an expression is made of, also by way of local names that are given a value."""
    found: dict[Expression, None] = {}
    waiting = [expression]
    while waiting:
        for part in within(waiting.pop(), scope):
            if part not in found:
                found[part] = None
                if part[0] == "name" and part[1] not in scope.parameters:
                    waiting += [
                        each.value for each in scope.assigned.get(part[1], ()) if each.how in ("=", "annotated", "with")
                    ]
    return list(found)


def _class_name(scope: FunctionSymbol) -> str:
    return scope.name if scope.owner is None else scope.owner.name
