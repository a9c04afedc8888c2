"""Clients of which several coroutines find the token expired, and each spends the one refresh token:

async def request(self, url):
    if self.token.is_expired():
        await self.refresh()
"""

import re
from collections.abc import Iterator
from typing import Final, NamedTuple

from netra.guard.analysis import Analysis
from netra.guard.facts import ASYNC, SELF, Block, CallSite
from netra.guard.meaning.expressions import within
from netra.guard.symbols import FunctionSymbol
from netra.guard.values import Routine, Step

EXPIRED: Final = re.compile(r"expir|stale|needs_refresh|should_refresh")
REFRESHING: Final = re.compile(r"refresh|renew|ensure\w*token")
# What keeps others away, or lets them wait for the first.
APART: Final = re.compile(r"lock|sem(?:aphore)?$|mutex|event|future|refreshing|in_progress|pending")

REFRESH: Final = "refresh_token"
DEEPEST: Final = 3


class RefreshedTwice(NamedTuple):
    """The call that refreshes, where nothing keeps a second one away."""

    scope: FunctionSymbol
    call: CallSite
    why: tuple[Step, ...]


def refreshed_twice(analysis: Analysis) -> Iterator[RefreshedTwice]:
    """Every such call of a method of its own class, whoever uses the objects of that."""
    for scope in analysis.scopes:
        if scope.facts.sort != ASYNC or scope.owner is None or scope.module.in_tests or _keeps_apart(scope):
            continue
        for block in scope.facts.blocks:
            if block.what == "if" and _asks_whether_expired(block, scope):
                call = next((each for each in scope.facts.calls if _refreshes(each, block)), None)
                spent = None if call is None else _spends(analysis, call, scope, DEEPEST)
                if call is not None and spent is not None:
                    looked = Step(scope.module.path, block.head, "whoever comes meanwhile finds it expired as well")
                    yield RefreshedTwice(scope, call, (looked, spent))
                break


def _asks_whether_expired(block: Block, scope: FunctionSymbol) -> bool:
    """The test is about something of the object: `self.token.is_expired()`, `self.expires_at < now`."""
    parts = [part for test in block.expressions for part in within(test, scope) if part[0] == "attribute"]
    return any(EXPIRED.search(part[2]) for part in parts) and any(part[1] == SELF for part in parts)


def _refreshes(call: CallSite, block: Block) -> bool:
    return (
        block.line <= call.line <= block.end_line
        and call.where[0] == "await"
        and call.callee[:2] == ("attribute", SELF)
        and REFRESHING.search(call.callee[2]) is not None
    )


def _spends(analysis: Analysis, call: CallSite, scope: FunctionSymbol, depth: int) -> Step | None:
    """Where a refresh token is sent, by the call itself or below it; None where nothing is seen, or others are kept away."""
    if any(key == REFRESH for key, _ in call.keywords):
        return Step(scope.module.path, call.line, "the refresh token is sent here, and is good for one")
    match analysis.receivers.value(call.callee, scope):
        case Routine(function=function) if depth and not function.module.library and not _keeps_apart(function):
            if _has_token(function):
                note = f"`{function.facts.qualified}` sends the refresh token, which is good for one"
                return Step(function.module.path, function.facts.line, note)
            below = (_spends(analysis, each, function, depth - 1) for each in function.facts.calls if each.where[0] == "await")
            return next((each for each in below if each is not None), None)
    return None


def _has_token(function: FunctionSymbol) -> bool:
    """A parameter, a key or an attribute is called so."""
    if REFRESH in function.parameters or any(each.expression[-1] == REFRESH for each in function.facts.reads):
        return True
    given = (part for call in function.facts.calls for each in call.given for part in within(each, function))
    return any(part in (("string", REFRESH), ("name", REFRESH)) for part in given)


def _keeps_apart(function: FunctionSymbol) -> bool:
    """It takes a lock, waits for whoever was first, or looks whether there is one."""
    facts = function.facts
    entered = [test for each in facts.blocks if each.what.startswith(("with", "if")) for test in each.expressions]
    parts = (part for test in entered for part in within(test, function) if part[0] in ("attribute", "name"))
    return any(APART.search(str(part[-1]).lower()) for part in parts) or any(
        call.callee[0] == "attribute" and call.callee[2] == "acquire" for call in facts.calls
    )
