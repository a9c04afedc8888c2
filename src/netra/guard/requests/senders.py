"""Requests as they are written: a verb, a path, a body and the call that sends them.

A call sends a request when its name says so (`get`, `request`), or when it calls a function of the program that sends one with
a path that it is given: `self._call("GET", f"/users/{user_id}")`. Such functions are found from the inside out, each with what
it writes before the path and with the parameters that it takes verb and body from.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from netra.guard.analysis import Analysis
from netra.guard.entries.paths import ANY, Path, segments
from netra.guard.entries.sorts import VERBS
from netra.guard.facts import CallSite, Expression, dotted, last_name
from netra.guard.lazily import lazily
from netra.guard.requests.routing import WEBSOCKET
from netra.guard.requests.texts import CLOSE, MARK, OPEN, Texts, argument, filled, mark
from netra.guard.symbols import ClassSymbol, External, FunctionSymbol
from netra.guard.values import Routine

LOCAL: Final = re.compile(r"(?:http|ws)s?://(?:localhost|127\.0\.0\.1|0\.0\.0\.0|testserver|test|\{\})(?::[^/]*)?(?=/|$)")
WRITTEN_ADDRESS: Final = re.compile(r"^(?:\{\})+(?=/)")

# What stands before the paths of many servers, and so tells nobody whose they are.
COMMONPLACE: Final = re.compile(r"api|rest|latest|v\d+(?:\.\d+)?(?:beta|alpha)?\d*")

NAMES_OF_SENDERS: Final = re.compile(r"^_*a?(?:sync_)?(get|post|put|patch|delete)(?:_json)?$")
NAMES_OF_REQUESTS: Final = re.compile(r"(?:^|_)a?(?:sync_)?(?:request|stream|build_request|send_request|make_request)$")

# `connect` is one of them only where it is that of a library for sockets.
NAMES_OF_SOCKETS: Final = frozenset({"ws_connect", "websocket_connect", "connect"})
OF_SOCKETS: Final = frozenset({"websockets", "httpx_ws"})

# What a parameter is called that is an address or the path of one.
OF_ADDRESSES: Final = re.compile(r"(?i)(?:url|uri|path|endpoint|route|href|link|address|resource|target|location)s?$")
# With one of these keywords, a call of `get` is no question to a dictionary.
OF_CALLS: Final = frozenset("json params headers data timeout cookies auth files content".split())

# Functions that hand requests on, one inside the other, and how often one of them is looked at anew.
MOST_ROUNDS: Final = 6


@dataclass(frozen=True, slots=True)
class SentRequest:
    """One request as it is written. `body`: what it sends as JSON; None where that is not known, or nothing is sent."""

    scope: FunctionSymbol
    call: CallSite
    verb: str
    path: Path
    body: Expression | None
    through: FunctionSymbol | None
    """The method that sends all requests of its client, this one among them; None for one that is sent where it is written."""

    def __str__(self) -> str:
        return f"{self.verb} /{'/'.join(self.path)}"


@dataclass(frozen=True, slots=True)
class _Draft:
    """A call that sends a request, in the words of its own scope: with marks for what callers give."""

    verb: str
    address: str
    body: Expression | None
    spread: str
    """The `**` parameter whose `json` is the body."""
    through: FunctionSymbol | None


@dataclass(frozen=True, slots=True)
class _Sender:
    """A function that sends a request to the path that it is given."""

    function: FunctionSymbol
    verb: str
    address: str
    path: str
    body: str
    """The parameter that it sends as JSON, or whose `json` it hands on; empty for none."""
    spread: bool
    through: FunctionSymbol


class Senders:
    """What the program sends; use `analysis.once(Senders)`."""

    def __init__(self, analysis: Analysis) -> None:
        self._program = analysis.program
        self._receivers = analysis.receivers
        self._texts = analysis.once(Texts)
        self._drafts: dict[FunctionSymbol, dict[int, _Draft]] = {}
        self._senders: dict[FunctionSymbol, _Sender] = {}

    @lazily
    def requests(self) -> tuple[SentRequest, ...]:
        """Every request outside tests whose verb is known, and whose path is on a server that may be this program's."""
        changed = {scope: None for scope, index in self._named() if self._draft(scope, index, self._by_name(scope, index))}
        for _ in range(MOST_ROUNDS):
            changed = {caller: None for each in changed if self._sends(each) for caller in self._callers(each)}
        known: set[_Sender | None] = {*self._senders.values()}
        return tuple(
            SentRequest(scope, scope.facts.calls[index], draft.verb, path, draft.body, draft.through)
            for scope, drafts in self._drafts.items()
            for index, draft in drafts.items()
            if draft.verb.isalpha()
            and (OPEN not in draft.address or self._sender(draft, scope) not in known)
            and (path := _asked(filled(draft.address)))
        )

    def _named(self) -> Iterator[tuple[FunctionSymbol, int]]:
        for name, calls in self._program.calls_named.items():
            if NAMES_OF_SENDERS.match(name) or NAMES_OF_REQUESTS.search(name) or name in NAMES_OF_SOCKETS:
                # A test that asks for what is not there does so on purpose, or finds out by itself.
                yield from ((scope, index) for scope, index in calls if not scope.module.in_tests)

    def _draft(self, scope: FunctionSymbol, index: int, draft: _Draft | None) -> bool:
        """Keep what a call sends; whether that is news."""
        if draft is None or self._drafts.get(scope, {}).get(index) == draft:
            return False
        self._drafts.setdefault(scope, {})[index] = draft
        return True

    # --- calls whose name says what they send ----------------------------------------------------------------------------

    def _by_name(self, scope: FunctionSymbol, index: int) -> _Draft | None:
        call = scope.facts.calls[index]
        if call.where[0] == "decorator":
            return None
        sender = NAMES_OF_SENDERS.match(last_name(call.callee) or "")
        given = dict(call.keywords)
        if last_name(call.callee) in NAMES_OF_SOCKETS:
            if last_name(call.callee) == "connect" and not self._is_of_sockets(call.callee, scope):
                return None
            verb, rest = WEBSOCKET, call.arguments
        elif sender:
            verb, rest = sender[1].upper(), call.arguments
        elif "method" in given:
            verb, rest = self._verb(given["method"], scope), call.arguments
        elif call.arguments:
            verb, rest = self._verb(call.arguments[0], scope), call.arguments[1:]
        else:
            return None
        written = rest[0] if rest else given.get("url", given.get("path"))
        if not verb or written is None or (address := self._texts.of(written, scope)) is None:
            return None
        if sender and MARK.fullmatch(address) and not OF_ADDRESSES.search(_name(address)) and OF_CALLS.isdisjoint(given):
            return None  # `settings.get(key)`
        body, spread = self._body(call, scope)
        return _Draft(verb, address, body, spread, None)

    def _is_of_sockets(self, callee: Expression, scope: FunctionSymbol) -> bool:
        match self._program.evaluate(callee, scope):
            case External(dotted=dotted):
                return dotted.partition(".")[0] in OF_SOCKETS
            case ClassSymbol(module=module) | FunctionSymbol(module=module) if module.library:
                return module.name.partition(".")[0] in OF_SOCKETS
        return False

    def _verb(self, expression: Expression, scope: FunctionSymbol) -> str:
        """A verb, or a mark for the parameter that is one; empty when it is not known."""
        if expression[0] not in ("string", "name", "call"):
            return ""
        text = self._texts.of(expression, scope) or ""
        return text if MARK.fullmatch(text) else text.upper() if text.lower() in VERBS else ""

    def _body(self, call: CallSite, scope: FunctionSymbol) -> tuple[Expression | None, str]:
        for key, value in call.keywords:
            if key == "json":
                return value, ""
            if key in ("data", "content", "body") and value[0] == "call":
                inner = scope.facts.calls[value[1]]
                if last_name(inner.callee) == "encode" and not inner.arguments and inner.callee[1][0] == "call":
                    value = inner.callee[1]  # `json.dumps(body).encode()`
                    inner = scope.facts.calls[value[1]]
                if last_name(inner.callee) == "dumps" and len(inner.arguments) >= 1:
                    return inner.arguments[0], ""
                if dotted(inner.callee) == "msgspec.json.encode" and len(inner.arguments) == 1:
                    return inner.arguments[0], ""
                if last_name(inner.callee) == "model_dump_json":
                    return value, ""
        for key, value in call.keywords:
            match key, value:
                case "**", ("name", str(name)):
                    return None, name
        return None, ""

    # --- functions that send what they are given -------------------------------------------------------------------------

    def _sends(self, scope: FunctionSymbol) -> bool:
        """Whether a function sends a request to the path that it is given, in another way than was known."""
        found: dict[_Sender, None] = {}
        homes: set[FunctionSymbol] = set()
        for draft in self._drafts.get(scope, {}).values():
            if (sender := self._sender(draft, scope)) is not None:
                found[sender] = None
                homes.add(sender.function)
        if len(found) != 1:
            return False
        (sender,) = found
        known = self._senders.get(sender.function)
        self._senders[sender.function] = sender
        return known != sender

    def _sender(self, draft: _Draft, scope: FunctionSymbol) -> _Sender | None:
        opened = MARK.findall(draft.address)
        if len(opened) != 1:
            return None
        before, _, after = draft.address.partition(opened[0])
        # `f"/users/{user_id}"` is a path, and `f"/api{path}"` has one behind it.
        ends = before.endswith("/") and any(tells(each) for each in segments(WRITTEN_ADDRESS.sub("", _local(before))))
        if after.strip("/").partition("?")[0] or ends:
            return None
        home = self._home(opened[0], scope)
        if home is None or (draft.verb.startswith(OPEN) and self._home(draft.verb, scope) is not home):
            return None
        path = _name(opened[0])
        if not self._keeps(home, path):
            return None
        body, spread = "", False
        match draft.body:
            case ("name", str(name)) | ("choice", (("name", str(name)), *_)) if name in home.parameters and scope is home:
                body = name if name not in home.assigned else ""
            case None if draft.spread in home.parameters and scope is home:
                position = home.facts.parameters[home.parameters[draft.spread]].position
                body, spread = draft.spread, position == "keywords"
                if not spread or any(each.target[:2] == ("subscript", ("name", body)) for each in home.facts.assignments):
                    body, spread = "", False
        return _Sender(home, draft.verb, draft.address, path, body, spread, draft.through or home)

    @staticmethod
    def _home(open_part: str, scope: FunctionSymbol) -> FunctionSymbol | None:
        """The function whose parameter it is: this one, or one around it."""
        at: FunctionSymbol | None = scope
        while at is not None:
            if open_part == mark(at, _name(open_part)) and at.facts.sort != "lambda":
                return at
            at = at.parent
        return None

    def _keeps(self, home: FunctionSymbol, path: str) -> bool:
        """The parameter stays what it was given, but for what is put before it: `path = "/" + path`."""
        return all(mark(home, path) in (self._texts.of(each.value, home) or "") for each in home.assigned.get(path, ()))

    def _callers(self, scope: FunctionSymbol) -> Iterator[FunctionSymbol]:
        """The scopes whose calls send something that was not known, now that it is known what this function does."""
        for sender in [each for each in self._senders.values() if each.function is scope or scope in each.function.children]:
            function = sender.function
            common = NAMES_OF_SENDERS.match(function.name) is not None
            for caller, index in self._program.calls_named.get(function.name, ()):
                call = caller.facts.calls[index]
                if caller.module.in_tests or call.where[0] == "decorator" or not (call.arguments or call.keywords):
                    continue
                if common and not self._may_be_asked(caller, index):
                    continue
                match self._receivers.value(call.callee, caller):
                    case Routine(function=called, bound=bound) if called is function:
                        if self._draft(caller, index, self._through(sender, call, caller, bound=bound)):
                            yield caller

    def _may_be_asked(self, caller: FunctionSymbol, index: int) -> bool:
        """What `get` is given may be a path, and not a key: a text with a slash, or one that somebody else writes."""
        draft = self._drafts.get(caller, {}).get(index)
        return draft is not None and ("/" in draft.address or OPEN in draft.address)

    def _through(self, sender: _Sender, call: CallSite, caller: FunctionSymbol, *, bound: bool) -> _Draft | None:
        """What a call of such a function sends."""
        function = sender.function
        verb = sender.verb
        if verb.startswith(OPEN):
            given = argument(call, function, _name(verb), bound=bound)
            verb = "" if given is None else self._verb(given, caller)
        given = argument(call, function, sender.path, bound=bound)
        text = None if given is None else self._texts.of(given, caller)
        if not verb or text is None:
            return None
        if sender.spread:
            body, spread = self._body(call, caller)
        else:
            body, spread = self._handed_body(sender, call, bound=bound), ""
        address = sender.address.replace(mark(function, sender.path), text)
        return _Draft(verb, address, body, spread, sender.through if sender.through.owner is not None else None)

    def _handed_body(self, sender: _Sender, call: CallSite, *, bound: bool) -> Expression | None:
        """What a call gives such a function to send: one argument, or all that it has no parameter for (`**body`)."""
        if not sender.body:
            return None
        function = sender.function
        parameter = function.facts.parameters[function.parameters[sender.body]]
        if parameter.position != "keywords":
            return argument(call, function, sender.body, bound=bound)
        if any(key == "**" for key, _ in call.keywords):
            return None
        return ("dict", tuple((("string", key), value) for key, value in call.keywords if key not in function.parameters))


def _name(open_part: str) -> str:
    return open_part.strip(OPEN + CLOSE).rpartition(":")[2]


def _local(text: str) -> str:
    return LOCAL.sub("", text, count=1)


def _asked(text: str) -> Path:
    """The path that is asked for; empty when it is not known, or the server is somebody else's."""
    path = WRITTEN_ADDRESS.sub("", _local(text)).partition("?")[0].partition("#")[0]
    if not path.startswith("/"):
        return ()
    found = segments(path)
    # What follows the last segment may be a query that is put together elsewhere.
    return found if any(each != ANY for each in found) and not _runs_on(path) else ()


def _runs_on(path: str) -> bool:
    """`/users{}`: what is not known follows a segment without a slash."""
    last = path.rpartition("/")[2]
    return ANY in last and last != ANY


def tells(segment: str) -> bool:
    """A segment that tells whose path it is in: no parameter, and none of those that stand before the paths of many servers."""
    return segment != ANY and not COMMONPLACE.fullmatch(segment)
