"""Histories that a process keeps for a chain of LangChain by a name that the client says.

    def history_of(session_id):
        return histories.setdefault(session_id, InMemoryChatMessageHistory())

    chat = RunnableWithMessageHistory(chain, history_of)

Nothing stands between the name and the history: whoever says the name of somebody else's reads on there.
"""

from collections.abc import Iterator
from typing import Final

from netra.guard.analysis import Analysis
from netra.guard.facts import CallSite, Expression, last_name
from netra.guard.meaning.expressions import within
from netra.guard.requests.claim_checks import ClaimChecks
from netra.guard.requests.identities import SignedIn
from netra.guard.requests.kept_by_key import KeptByKey
from netra.guard.requests.sent import Sent
from netra.guard.requests.serving import Serving
from netra.guard.requests.sharing import Sharing
from netra.guard.symbols import FunctionSymbol, VariableSymbol
from netra.guard.values import Routine, Step

RUNNING: Final = frozenset("invoke ainvoke stream astream astream_events batch abatch".split())
SESSION: Final[Expression] = ("string", "session_id")


def kept_by_said_name(analysis: Analysis) -> Iterator[tuple[KeptByKey, str, Step]]:
    """What is kept, who is signed in where the name is said, and where that is found out."""
    for top, _, making in analysis.calls_of("RunnableWithMessageHistory"):
        told = dict(making.keywords).get("get_session_history", making.arguments[1] if len(making.arguments) > 1 else None)
        if told is None or making.where[0] != "assign" or top.module.in_tests:
            continue
        match analysis.receivers.value(told, top):
            case Routine(function=giving) if len(giving.facts.parameters) == 1 and not giving.module.library:
                kept = _kept(giving, analysis)
            case _:
                continue
        said = next(_said(making.where[1], top, analysis), None) if kept is not None else None
        if kept is not None and said is not None:
            scope, call, whose, step = said
            note = f"`{scope.facts.qualified}` takes the name from the client, who may say any other"
            yield kept._replace(step=Step(scope.module.path, call.line, note)), whose, step


def _kept(giving: FunctionSymbol, analysis: Analysis) -> KeptByKey | None:
    """Where a function puts a history into a shared place under what it is told, as it is."""
    key = ("name", giving.facts.parameters[0].name)
    puts = [(each.target[1], each.value, each) for each in giving.facts.assignments if each.target[0] == "subscript"]
    puts = [put for put in puts if put[2].target[2] == key]
    for place, value, at in puts:
        if (slot := analysis.once(Sharing).slot(place, giving)) is not None:
            return KeptByKey(giving, at.line, at.column, at.line, slot.name, key, value, slot.step)
    for call in giving.facts.calls:
        if call.callee[0] != "attribute" or call.callee[2] != "setdefault" or len(call.arguments) < 2:
            continue
        slot = analysis.once(Sharing).slot(call.callee[1], giving) if call.arguments[0] == key else None
        if slot is not None:
            return KeptByKey(giving, call.line, call.column, call.end_line, slot.name, key, call.arguments[1], slot.step)
    return None


def _said(chain: Expression, top: FunctionSymbol, analysis: Analysis) -> Iterator[tuple[FunctionSymbol, CallSite, str, Step]]:
    """The calls that run the chain under a name of the client's, where somebody is known to be signed in."""
    sent, checks, identities = analysis.once(Sent), analysis.once(ClaimChecks), analysis.once(SignedIn)
    for scope, _, call in analysis.calls_of(*RUNNING):
        if (
            call.callee[0] != "attribute"
            or last_name(call.callee[1]) != last_name(chain)
            or scope not in analysis.once(Serving)
        ):
            continue
        match analysis.program.evaluate(call.callee[1], scope):
            case VariableSymbol(scope=at, name=name) if at is top and ("name", name) == chain:
                pass
            case _:
                continue
        given = [each for one in call.given for each in _meant(one, scope)]
        names = (
            value
            for each in given
            for part in within(each, scope)
            if part[0] == "dict"
            for key, value in part[1]
            if key == SESSION
        )
        said = next((each for each in names if sent.name(each, scope) is not None), None)
        if said is None or checks.is_settled(said, scope) or any(said in each.given for each in scope.facts.calls):
            continue
        for parameter in scope.parameters:
            if (step := identities.of(("name", parameter), scope)) is not None:
                yield scope, call, parameter, step
                break


def _meant(given: Expression, scope: FunctionSymbol) -> Iterator[Expression]:
    """What a call is given, also under a local name."""
    yield given
    if given[0] == "name" and given[1] not in scope.parameters:
        yield from (each.value for each in scope.assigned.get(given[1], ()))
