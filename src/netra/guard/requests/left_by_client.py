"""What runs before others leaves them as who is asking whomever the client has named in the query, a form or the body:

async def prepare(self, request):
    request.ctx.user = request.json["user"]

A header may come from a proxy that has asked, and is left alone; so is a name that the function itself holds against something.

A connection that keeps whom its client has named is told of where another keeps who has shown a token or a ticket:

self.author = parse_qs(self.scope["query_string"].decode())["user"][0]
"""

from collections.abc import Iterator
from typing import Final, NamedTuple

from netra.guard.analysis import Analysis
from netra.guard.entries.sorts import SOCKET
from netra.guard.facts import SELF, Assignment, Expression, last_name
from netra.guard.meaning.expressions import within
from netra.guard.requests.askers import speaks_of_rights
from netra.guard.requests.claim_checks import ClaimChecks
from netra.guard.requests.holders import CONNECTIONS, SOMEBODY, left_with_request
from netra.guard.requests.identities import SignedIn
from netra.guard.requests.overruled import DOING
from netra.guard.requests.proofs import speaks_of_proof
from netra.guard.requests.sent import Sent
from netra.guard.symbols import FunctionSymbol

# What holds one thing against another, or looks for what proves somebody.
CHECKING: Final = """verify check compare_digest authenticate validate unsign password signature secret hmac digest login
    sign permission allowed""".split()
# Where a connection begins, and what one shows there.
OPENING: Final = frozenset("connect on_connect open websocket_connect".split())
TICKET: Final = "ticket"
HEADERS: Final = frozenset({"headers", "META", "get_header", "environ"})


class LeftByClient(NamedTuple):
    """The line on which the client's word becomes who is asking."""

    scope: FunctionSymbol
    given: Assignment
    claim: str


def left_by_client(analysis: Analysis) -> Iterator[LeftByClient]:
    """Every such line, whoever calls the function: with a request, nothing is left but for those who answer it."""
    sent, checks = analysis.once(Sent), analysis.once(ClaimChecks)
    for scope in analysis.scopes:
        if scope.module.in_tests or (CONNECTIONS.isdisjoint(scope.facts.loads) and "g" not in scope.facts.loads):
            continue
        for each in scope.facts.assignments:
            name = left_with_request(each.target) if each.how in ("=", "annotated") else None
            if name is None or name not in SOMEBODY or _is_of_header(each.value, scope):
                continue
            claim = sent.name(each.value, scope)
            if claim is None or claim not in SOMEBODY or speaks_of_proof(claim) or _is_checked(scope):
                continue
            if not speaks_of_rights(scope) and not checks.is_settled(each.value, scope):
                yield LeftByClient(scope, each, claim)


def kept_by_connection(analysis: Analysis) -> Iterator[LeftByClient]:
    """Every line on which a connection keeps whom its client has named, where others of the program ask for a proof."""
    sent, identities = analysis.once(Sent), analysis.once(SignedIn)
    named: list[LeftByClient] = []
    proven: set[str] = set()
    for entry in analysis.reach.entries.values():
        scope = entry.function
        if entry.sort != SOCKET or scope.owner is None or scope.name not in OPENING or scope.module.in_tests:
            continue
        for each in scope.facts.assignments:
            if each.target[:2] != ("attribute", SELF) or not _is_somebody(each.target[2]):
                continue
            claim = sent.name(each.value, scope)
            if claim is not None and _is_somebody(claim) and not _is_of_header(each.value, scope) and not _is_checked(scope):
                named.append(LeftByClient(scope, each, claim))
            elif identities.of(each.value, scope) is not None or _is_shown(each.value, scope):
                proven.add(each.target[2])
    yield from (each for each in named if each.given.target[2] in proven and not speaks_of_rights(each.scope))


def _is_somebody(name: str) -> bool:
    return name in SOMEBODY or DOING.fullmatch(name) is not None


def _is_shown(value: Expression, scope: FunctionSymbol) -> bool:
    """`redeem(query.get("ticket"))`: what a function of the program makes of a ticket or a token."""
    if value[0] == "await":
        value = value[1]
    if value[0] != "call":
        return False
    given = (part for each in scope.facts.calls[value[1]].given for part in _parts(each, scope))
    named = [last_name(scope.facts.calls[part[1]].callee) if part[0] == "call" else part[-1] for part in given]
    asked = [
        one[1]
        for part in _parts(value, scope)
        if part[0] == "call"
        for one in scope.facts.calls[part[1]].given
        if one[0] == "string"
    ]
    return any(isinstance(each, str) and (speaks_of_proof(each) or TICKET in each) for each in (*named, *asked))


def _is_of_header(value: Expression, scope: FunctionSymbol) -> bool:
    names = (last_name(scope.facts.calls[part[1]].callee if part[0] == "call" else part) for part in _parts(value, scope))
    return any(name in HEADERS for name in names)


def _parts(value: Expression, scope: FunctionSymbol) -> Iterator[Expression]:
    """What it is made of, also under a local name."""
    waiting, seen = [value], set[Expression]()
    while waiting:
        for part in within(waiting.pop(), scope):
            yield part
            if part[0] == "call":
                yield from within(scope.facts.calls[part[1]].callee, scope)
            if part[0] == "name" and part[1] not in scope.parameters and part not in seen:
                seen.add(part)
                waiting += [each.value for each in scope.assigned.get(part[1], ())]


def _is_checked(scope: FunctionSymbol) -> bool:
    """Something in the function is called as what looks for a proof."""
    named = [last_name(call.callee) or "" for call in scope.facts.calls]
    return any(word in name.lower() for name in (scope.name, *named, *scope.facts.loads) for word in CHECKING)
