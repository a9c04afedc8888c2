"""What runs before others leaves them as who is asking whomever the client has named in the query, a form or the body:

async def prepare(self, request):
    request.ctx.user = request.json["user"]

A header may come from a proxy that has asked, and is left alone; so is a name that the function itself holds against something.
"""

from collections.abc import Iterator
from typing import Final, NamedTuple

from netra.guard.analysis import Analysis
from netra.guard.facts import Assignment, Expression, last_name
from netra.guard.meaning.expressions import within
from netra.guard.requests.askers import speaks_of_rights
from netra.guard.requests.claim_checks import ClaimChecks
from netra.guard.requests.holders import CONNECTIONS, SOMEBODY, left_with_request
from netra.guard.requests.proofs import speaks_of_proof
from netra.guard.requests.sent import Sent
from netra.guard.symbols import FunctionSymbol

# What holds one thing against another, or looks for what proves somebody.
CHECKING: Final = """verify check compare_digest authenticate validate unsign password signature secret hmac digest login
    sign permission allowed""".split()
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
            if name not in SOMEBODY or name is None or _is_of_header(each.value, scope):
                continue
            claim = sent.name(each.value, scope)
            if claim is None or claim not in SOMEBODY or speaks_of_proof(claim) or _is_checked(scope):
                continue
            if not speaks_of_rights(scope) and not checks.is_settled(each.value, scope):
                yield LeftByClient(scope, each, claim)


def _is_of_header(value: Expression, scope: FunctionSymbol) -> bool:
    names = (last_name(scope.facts.calls[part[1]].callee if part[0] == "call" else part) for part in _parts(value, scope))
    return any(name in HEADERS for name in names)


def _parts(value: Expression, scope: FunctionSymbol) -> Iterator[Expression]:
    """What it is made of, also under a local name."""
    for part in within(value, scope):
        yield part
        if part[0] == "call":
            yield from within(scope.facts.calls[part[1]].callee, scope)
        if part[0] == "name" and part[1] not in scope.parameters:
            yield from (
                one for each in scope.assigned.get(part[1], ()) if each.value != value for one in _parts(each.value, scope)
            )


def _is_checked(scope: FunctionSymbol) -> bool:
    """Something in the function is called as what looks for a proof."""
    named = [last_name(call.callee) or "" for call in scope.facts.calls]
    return any(word in name.lower() for name in (scope.name, *named, *scope.facts.loads) for word in CHECKING)
