"""Credentials that a program shows to other servers: what it puts into the headers, or the secret fields, of its own requests.

client.post(url, headers={"Authorization": f"Bearer {settings.partner_token}"})
session.headers["X-Api-Key"] = self.key
requests.post(url, data={"secret": CAPTCHA_SECRET})
"""

import re
from collections.abc import Iterator
from typing import Final, NamedTuple

from netra.guard.analysis import Analysis
from netra.guard.environment import Access
from netra.guard.facts import BODY, TOP, CallSite, Expression, last_name
from netra.guard.standing_in import HARMLESS, Substitute, is_read_in, known_text, lines_near
from netra.guard.symbols import ClassSymbol, External, FunctionSymbol, VariableSymbol
from netra.guard.values import Step

# What a variable or a name is called that holds a credential which somebody else has given out.
CREDENTIAL: Final = re.compile(
    r"(?:^|_)(?:SECRET|TOKEN|PASSWORD|PASSWD|API_?KEY|(?:ACCESS|AUTH|PRIVATE|SECRET|SERVICE|LICEN[CS]E)_KEY)$", re.IGNORECASE
)

# Everybody may have it, or it is for a model on the same machine, which asks for none.
OF_EVERYBODY: Final = re.compile(
    r"(?:^|_)(?:SITE|PUBLIC|PUBLISHABLE|ANON|OLLAMA|LM_?STUDIO|V?LLM|LLAMA\w*|LOCAL\w*)_", re.IGNORECASE
)

# What is sent where no credential is asked for.
NONE_NEEDED: Final = re.compile(
    r"(?:sk-)?(?:no|not|none|empty|nil|null|dummy|fake|unused|placeholder|anonymous|public|guest|demo|local|ollama|lm-?studio|v?llm|x+)"
    r"(?:[-_ .]?\w+)*",
    re.IGNORECASE,
)

# By these, one server says to another who it is.
HEADER: Final = re.compile(
    r"(?:proxy-)?authorization|(?:[a-z0-9]+-)*(?:api-?key|access-?key|auth-?key|token|secret|access-?token|auth)", re.IGNORECASE
)
# The same, within what a form or a body holds.
FIELD: Final = re.compile(r"(?:\w+_)?(?:secret|token|api_?key|password)|key|apikey|access_key", re.IGNORECASE)
SENDING: Final = frozenset("get post put patch delete request stream fetch urlopen Request send".split())
OF_BODIES: Final = frozenset({"data", "json", "params"})

# What the client of a library is given to sign in with, and what says that it is for another server than usual.
OF_CLIENTS: Final = frozenset("api_key token auth_token access_token api_token bot_token client_secret".split())
OTHER_SERVERS: Final = frozenset("base_url host url uri endpoint endpoint_url api_base server".split())

# They make a text of a text.
OF_TEXTS: Final = frozenset("str bytes encode decode strip format join get_secret_value b64encode urlsafe_b64encode".split())

# Names that a value is made of through others.
FURTHEST: Final = 3


class SentName(NamedTuple):
    """A name that is sent, as `TOKEN`, or `PARTNER[secret]` of what a dict holds; the class whose `self` has it; and where."""

    name: str
    owner: ClassSymbol | None
    step: Step


class SentCredentials:
    """Answers about what a program reads; use `analysis.once(SentCredentials)`."""

    def __init__(self, analysis: Analysis) -> None:
        self._analysis = analysis
        self._by_name: dict[str, list[SentName]] = {}
        self._calls: dict[tuple[FunctionSymbol, int, int], Step] = {}
        for scope in analysis.scopes:
            if not scope.module.in_tests:
                for value, line in _shown(scope, analysis):
                    self._take(value, scope, Step(scope.module.path, line, "it is sent to another server here"), FURTHEST)

    def of_field(self, name: str, owner: ClassSymbol) -> Step | None:
        """Where a field is sent, by a method of its class, or by whoever has an object of it."""
        for each in self._by_name.get(name, ()):
            if each.owner is None or each.owner is owner or owner in self._analysis.program.order(each.owner)[0]:
                return each.step
        return None

    def of_access(self, access: Access) -> Step | None:
        """Where it is sent what a read gives: right there, or under the name that has got it."""
        scope = access.scope
        if (step := self._calls.get((scope, access.line, access.column))) is not None:
            return step
        for each in (one for line in lines_near(access) for one in scope.assignments_on.get(line, ())):
            if each.how not in ("=", "annotated") or not is_read_in(each.value, access):
                continue
            match each.target, each.value:
                case target, ("dict", pairs):
                    keys = (key[1] for key, value in pairs if key[0] == "string" and is_read_in(value, access))
                    names = [f"{last_name(target)}[{key}]" for key in keys]
                    return next((one.step for name in names for one in self._by_name.get(name, ())), None)
                case ("attribute", ("name", "self" | "cls"), str(name)), _ if scope.object_of is not None:
                    return self.of_field(name, scope.object_of)
                case ("name", str(name)), _ if scope.facts.sort == BODY:
                    return self.of_field(name, scope.module.of_class(scope.facts.owner))
                case ("name", str(name)), _ if scope.facts.sort == TOP or name in scope.facts.globals:
                    return next((one.step for one in self._by_name.get(name, ()) if one.owner is None), None)
        return None

    def _take(self, value: Expression, scope: FunctionSymbol, step: Step, depth: int) -> None:
        for part in _made_of(value, scope):
            match part:
                case ("call", int(index)):
                    call = scope.facts.calls[index]
                    self._calls.setdefault((scope, call.line, call.column), step)
                case ("attribute", ("name", "self" | "cls"), str(name)) if scope.object_of is not None:
                    self._add(name, scope.object_of, step)
                case ("attribute", _, str(name)) if CREDENTIAL.fullmatch(name) is None or self._is_of_a_module(part, scope):
                    self._add(name, None, step)
                case ("subscript", held, ("string", str(key))):
                    self._add(f"{_called(held, scope)}[{key}]", None, step)
                case ("name", str(name)):
                    match self._analysis.program.lookup(name, scope):
                        case VariableSymbol(scope=holder, name=own) if holder.facts.sort in (TOP, BODY):
                            self._add(own, None, step)
                        case VariableSymbol(scope=holder) if holder is scope and depth and name not in scope.parameters:
                            for each in scope.assigned.get(name, ()):
                                self._take(each.value, scope, step, depth - 1)

    def _is_of_a_module(self, part: Expression, scope: FunctionSymbol) -> bool:
        """`settings.TOKEN`: what has a `password`, as many things do, need not be the object that it is asked of."""
        return isinstance(self._analysis.program.evaluate(part, scope), VariableSymbol)

    def _add(self, name: str, owner: ClassSymbol | None, step: Step) -> None:
        self._by_name.setdefault(name, []).append(SentName(name, owner, step))


def _made_of(value: Expression, scope: FunctionSymbol) -> Iterator[Expression]:
    """What a text is put together of; what a function makes of a secret is something else: `unsealed(stored, settings.key)`."""
    match value:
        case ("formatted" | "choice", parts) | ("operator", _, *parts):
            for each in parts:
                yield from _made_of(each, scope)
        case ("call", int(index)):
            yield value
            call = scope.facts.calls[index]
            if last_name(call.callee) in OF_TEXTS:
                for each in (*call.callee[1:2], *call.arguments) if call.callee[0] == "attribute" else call.arguments:
                    yield from _made_of(each, scope)
        case _:
            yield value


def _called(held: Expression, scope: FunctionSymbol) -> str | None:
    """`PARTNER`, also of a name that has got `settings.PARTNER` and nothing else."""
    given = scope.assigned.get(held[1], ()) if held[0] == "name" else ()
    return last_name(given[0].value) if len(given) == 1 and last_name(given[0].value) else last_name(held)


def is_credential(name: str) -> bool:
    """It is called like one, and not like one that everybody may have, or for a server that asks for none."""
    return CREDENTIAL.search(name) is not None and OF_EVERYBODY.search(name) is None


def is_made_up(analysis: Analysis, given: Substitute) -> bool:
    """A text that stands there, and does not say that no credential is needed."""
    text = known_text(analysis, given.value, given.scope)
    return text is not None and HARMLESS.fullmatch(text) is None and NONE_NEEDED.fullmatch(text.strip()) is None


def _shown(scope: FunctionSymbol, analysis: Analysis) -> Iterator[tuple[Expression, int]]:
    """What stands under the name of a credential in headers, in what is sent, and in what the client of a library is given."""
    for each in scope.facts.assignments:
        match each.target:
            case ("subscript", held, ("string", str(key))) if HEADER.fullmatch(key) and _is_of_headers(held):
                yield each.value, each.line
        if _is_of_headers(each.target):
            yield from ((one, each.line) for one in _of_dict(each.value, HEADER))
    for returned in scope.facts.returned:
        if "header" in scope.name.lower():
            yield from ((one, returned.line) for one in _of_dict(returned.value, HEADER))
    for call in scope.facts.calls:
        if call.callee[0] == "attribute" and call.callee[2] == "update" and last_name(call.callee[1]) == "headers":
            yield from ((one, call.line) for given in call.arguments for one in _of_dict(given, HEADER))
        for keyword, value in call.keywords or ():
            if keyword == "headers":
                yield from ((one, call.line) for one in _under(value, scope, HEADER))
            elif keyword == "auth":
                yield from ((one, call.line) for one in _password(value, scope))
            elif keyword in OF_BODIES and last_name(call.callee) in SENDING:
                yield from ((one, call.line) for one in _under(value, scope, FIELD))
            elif keyword in OF_CLIENTS and _is_client(call, scope, analysis):
                yield value, call.line


def _is_of_headers(held: Expression) -> bool:
    return "header" in (last_name(held) or "").lower()


def _password(value: Expression, scope: FunctionSymbol) -> tuple[Expression, ...]:
    """The second of `auth=("shop", PASSWORD)`, `auth=BasicAuth("shop", PASSWORD)`."""
    match value:
        case ("tuple", (_, password)):
            return (tuple(password),)
        case ("call", int(index)) if len(scope.facts.calls[index].arguments) == 2:
            return scope.facts.calls[index].arguments[1:]
    return ()


def _is_client(call: CallSite, scope: FunctionSymbol, analysis: Analysis) -> bool:
    """A class of a library is made, for the server that it is there for: of another one nobody knows what it asks for."""
    name = last_name(call.callee) or ""
    if not name[:1].isupper() or not OTHER_SERVERS.isdisjoint(dict(call.keywords)):
        return False
    return isinstance(analysis.program.evaluate(call.callee, scope), External)


def _under(value: Expression, scope: FunctionSymbol, keys: re.Pattern[str]) -> Iterator[Expression]:
    given = [each.value for each in scope.assigned.get(value[1], ())] if value[0] == "name" else [value]
    for each in given:
        yield from _of_dict(each, keys)


def _of_dict(value: Expression, keys: re.Pattern[str]) -> Iterator[Expression]:
    if value[0] == "dict":
        for key, each in value[1]:
            if (key[0] == "string" and keys.fullmatch(key[1])) or CREDENTIAL.search(last_name(each) or ""):
                yield each
