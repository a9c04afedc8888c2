"""Functions that find out who is asking, and refuse whoever cannot prove it: dependencies of FastAPI, decorated and by hand."""

import re
from collections.abc import Callable
from typing import Final

from netra.guard.analysis import Analysis
from netra.guard.facts import NOTHING, Expression, Parameter, last_name
from netra.guard.meaning.expressions import within
from netra.guard.requests.holders import TELLING
from netra.guard.requests.words import CARRIERS
from netra.guard.symbols import ClassSymbol, External, FunctionSymbol, VariableSymbol
from netra.guard.values import Instance, Routine, Step

# How a function is called that tells who is asking; a factory is no actor, and an author nobody who has signed in.
PROVING: Final = re.compile(r"user|principal|identity|auth(?!ors?(?![a-z]))|(?<![a-z])actor")
# What is asked for stands before these: `flow_for_user` gives a flow.
_OF_WHOM: Final = re.compile(r"(?<=[a-z])_(?:for|of|by)_")
# A key of a program that calls, and not of a person; and what a dependency gives that is no person.
OF_PROGRAMS: Final = ("service", "api_key", "apikey", "secret", "webhook", "signature", "internal", "client", "store", "repo")
# Whoever runs the program has given it an identity of its own: `mint_process_identity`, and no `process_identity(token)`.
OF_THE_PROCESS: Final = re.compile(
    r"(?:(?<=_)process|(?<![a-z])(?:daemon|machine|system|node|workload))_(?:identity|actor|principal|account|credentials?)"
)
PROOFS: Final = tuple("authorization token cookie session credential bearer jwt sid api_key x-key x_key".split())
# The same words where they stand for themselves: a tokenizer is no token, and what is inside no `sid`.
SPEAKING_OF_PROOF: Final = re.compile(
    r"(?:authorization|token|cookie|session|credential|bearer|jwt|api_?key)"
    r"(?:s|id|key|hash|str|data|info|value)?(?![a-z])|(?<![a-z])sid(?![a-z])|x[-_]key"
)
# What only has to do with them: what makes them, where they lie, how long they last.
_AROUND: Final = re.compile(
    r"_(?:factory|maker|store|storage|service|provider|backend|repo|repository|manager|pool|class|cls|type|model|name|ttl"
    r"|lifetime|expiry|expires|timeout|seconds|minutes|days|limit|count|size)s?$"
)

REFUSING: Final = ("Unauthori", "NotAuth", "Unauthenticated", "AuthenticationFailed", "AuthError", "Forbidden", "abort")

# Of these a class has nothing but that it is abstract.
ABSTRACT: Final = frozenset("ABC Protocol object Generic".split())

# Who an expression is, if it is who is asking.
Who = Callable[[Expression, FunctionSymbol], Step | None]


class Proofs:
    """Which functions prove who is asking; `who` says of an expression in a function whether it is that."""

    def __init__(self, analysis: Analysis, who: Who) -> None:
        self._analysis = analysis
        self._who = who
        self._known: dict[FunctionSymbol, bool] = {}

    def proves(self, function: FunctionSymbol) -> bool:
        """A function tells who is asking: its name says so, or it gives whom it knows by a proof, and refuses others."""
        if function not in self._known:
            self._known[function] = False  # what a function that calls itself finds
            self._known[function] = self._find_proof(function)
        return self._known[function]

    def _find_proof(self, function: FunctionSymbol) -> bool:
        name, facts = function.name.lower(), function.facts
        given = [each for each in facts.returned if each.value[0] not in ("none", "constant", "string", "lambda")]
        if any(word in name for word in OF_PROGRAMS) or OF_THE_PROCESS.search(name) or (not given and not facts.abstract):
            return False
        proofs = [each for each in facts.parameters if self._is_proof(each, function)]
        if proofs and (
            (tells_by_name(function.name) and not self.gives_what_acts(function))
            or any(self._is_read_by_scheme(each, function) for each in proofs)
        ):
            return True
        told = [each.value[1] if each.value[0] == "tuple" else (each.value,) for each in given]
        if given and all(any(self._who(part, function) is not None for part in parts) for parts in told):
            # `request.args.get("uid") or session["uid"]` is a choice, and tells nothing.
            return True
        refuses = bool(facts.raises) or any((last_name(each.callee) or "").startswith(REFUSING) for each in facts.calls)
        return refuses and self._reads_proof(function) and not any(each.value[0] in ("dict", "list") for each in given)

    def gives_what_acts(self, function: FunctionSymbol) -> bool:
        """What a function gives is no person but does something for all: an adapter, a guard, a service, by its class.

        Such a class has methods, and nothing by which one person is told from another.
        """
        values = [each.value for each in function.facts.returned if each.value != NOTHING]
        found = [self._analysis.receivers.value(each, function) for each in values]
        return bool(found) and all(isinstance(each, Instance) and self._acts(each.kind) for each in found)

    def _acts(self, kind: ClassSymbol) -> bool:
        order = self._analysis.program.order(kind)[0]
        if any(each.module.library for each in order):
            return False
        bases = [base for each in order for base in each.facts.bases]
        known = {each.name for each in order} | ABSTRACT
        named = {name for each in order for name in (*each.body.assigned, *each.set_on_self)}
        does = any(not name.startswith("_") for each in order for name in each.methods)
        return does and TELLING.isdisjoint(named) and all(last_name(base) in known for base in bases)

    def _is_proof(self, parameter: Parameter, function: FunctionSymbol) -> bool:
        """A parameter brings what proves who somebody is: a token, the request, or what a scheme of FastAPI reads."""
        if parameter.name.lower() in CARRIERS or (speaks_of_proof(parameter.name) and not _AROUND.search(parameter.name)):
            return True
        return self._is_read_by_scheme(parameter, function)

    def _is_read_by_scheme(self, parameter: Parameter, function: FunctionSymbol) -> bool:
        """`Depends(OAuth2PasswordBearer(…))`, which refuses whoever brings nothing."""
        around = function.parent
        said = [each for each in (parameter.default, parameter.annotation) if each is not None]
        for each in said if around is not None else ():
            for part in within(each, around or function):
                call = (around or function).facts.calls[part[1]] if part[0] == "call" else None
                if call is not None and last_name(call.callee) in ("Depends", "Security"):
                    return any(self._is_scheme(one, around or function) for one in call.arguments)
        return False

    def _is_scheme(self, expression: Expression, scope: FunctionSymbol) -> bool:
        """`OAuth2PasswordBearer(…)`, or a function that itself proves who is asking."""
        match self._analysis.receivers.value(expression, scope):
            case Routine(function=function):
                return self.proves(function)
        if expression[0] == "call":
            expression = scope.facts.calls[expression[1]].callee
        match self._analysis.program.evaluate(expression, scope):
            case VariableSymbol(scope=at, name=name):
                made = [each.value for each in at.assigned.get(name, ()) if each.value[0] == "call"]
                symbols = [self._analysis.program.evaluate(at.facts.calls[each[1]].callee, at) for each in made]
                return any(isinstance(one, External) and "security" in one.dotted for one in symbols)
            case External(dotted=dotted):
                return "security" in dotted
        return False

    def _reads_proof(self, function: FunctionSymbol) -> bool:
        """What it gives is made of a token, a cookie, a session or a header that brings one."""
        if any(self._is_proof(each, function) and each.name not in CARRIERS for each in function.facts.parameters):
            return True
        for call in function.facts.calls:
            keys = [each[1].lower() for each in call.arguments if each[0] == "string"]
            holder = last_name(call.callee[1]) if call.callee[0] == "attribute" else None
            if "cookie" in (last_name(call.callee) or "") or (last_name(call.callee) == "get_header" and _proving(keys)):
                return True
            if last_name(call.callee) == "get" and "authorization" in keys:
                return True
            if holder == "session" and _is_opened_here(call.callee[1], function):
                continue  # that of a client of HTTP or of a database
            if holder in ("session", "cookies") or (holder == "headers" and _proving(keys)):
                return True
        reads = [each.expression for each in function.facts.reads]
        return any(each[0] == "attribute" and each[2] in ("session", "cookies") for each in reads)


def _is_opened_here(session: Expression, function: FunctionSymbol) -> bool:
    """`async with ClientSession() as session`: what a function opens for itself is no session of a visitor."""
    given = function.assigned.get(session[1], ()) if session[0] == "name" else ()
    return bool(given) and all(each.how in ("with", "with async") for each in given)


def speaks_of_proof(text: str) -> bool:
    """A name or a text has a word for what proves something."""
    return SPEAKING_OF_PROOF.search(_in_words(text)) is not None


def tells_by_name(function: str) -> bool:
    """`current_user`, `authenticate`, and not `get_flow_for_user`: what stands behind is whose it is, and no more."""
    asked, *whose = _OF_WHOM.split(_in_words(function), maxsplit=1)
    if whose and asked.removeprefix("get_").removeprefix("_") in ("who", "get", "find", "load", "fetch", "require", "resolve"):
        asked = whose[0]
    return PROVING.search(asked) is not None


def _in_words(text: str) -> str:
    """`sessionId` is `session_id`."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", text).lower()


def _proving(keys: list[str]) -> bool:
    return any(word in key for key in keys for word in PROOFS)
