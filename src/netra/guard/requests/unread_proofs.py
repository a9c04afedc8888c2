"""A secret that is only asked whether it is there: whoever sends anything at all acts for whomever it names."""

import re
from collections.abc import Iterator
from typing import Final, NamedTuple

from netra.guard.analysis import Analysis
from netra.guard.entries.sorts import ROUTE, SOCKET
from netra.guard.facts import ASYNC, PLAIN, Block, CallSite, Expression, Parameter
from netra.guard.meaning.expressions import within
from netra.guard.meaning.parameters import INJECTED
from netra.guard.requests.serving import Serving
from netra.guard.symbols import FunctionSymbol
from netra.guard.values import Step

# What proves who somebody is, and who that is.
PROOF: Final = re.compile(
    r"(?!(?:has|is|use|with|include|require|mask|show|cls)_)(?:\w+_)?(?:secret|password|token|api_?key|signature|pin)"
)
WHOSE: Final = re.compile(r"(?:user|account|owner|tenant|member|customer)(?:_?(?:id|uid|uuid))?|uid|username")


# And what a client brings to prove it, beside those.
BROUGHT: Final = re.compile(rf"{PROOF.pattern}|ticket|(?:\w+_)?credential|jwt|bearer|authorization")
ACTING: Final = re.compile(rf"{WHOSE.pattern}|(?:player|author|sender|customer|person|rider|guest|who|acting_as)(?:_?id)?")


DOING: Final = frozenset("statement assign return".split())


class UnreadProof(NamedTuple):
    """A function is told whose it is and a proof of that, and looks at the proof no further than whether there is one."""

    scope: FunctionSymbol
    proof: str
    whose: str
    tested: Block
    call: CallSite
    """What acts for that user."""


def unread_proofs(analysis: Analysis) -> Iterator[UnreadProof]:
    """Every such function that runs while somebody is served."""
    serving = analysis.once(Serving)
    for scope in analysis.scopes:
        if scope.facts.sort not in (PLAIN, ASYNC) or scope.module.in_tests or len(scope.parameters) < 2:
            continue
        whose = [each for each in scope.parameters if WHOSE.fullmatch(each)]
        proofs = [each for each in scope.parameters if PROOF.fullmatch(each)] if whose else []
        for proof in proofs if scope in serving else ():
            if (tested := _only_asked(proof, scope)) is None:
                continue
            name, call = _acted(whose, tested, scope)
            if call is not None:
                yield UnreadProof(scope, proof, name, tested, call)
                break


class DroppedProof(NamedTuple):
    """A route takes a proof from the client and never looks at it, though others do."""

    scope: FunctionSymbol
    proof: str
    whose: str
    call: CallSite
    """What acts for whomever the client names."""
    elsewhere: Step


def dropped_proofs(analysis: Analysis) -> Iterator[DroppedProof]:
    """Every route that does, with one that looks: `async def play(ws, player, ticket)`, where `watch(ws, ticket)` reads it."""
    routes = {
        each.function: each
        for each in analysis.reach.entries.values()
        if each.sort in (ROUTE, SOCKET) and not each.function.module.in_tests
    }
    taking = {scope: [each for each in scope.facts.parameters if BROUGHT.fullmatch(each.name)] for scope in routes}
    looking: dict[str, Step] = {}
    for scope, found in taking.items():
        for each in found:
            call = next((call for call in scope.facts.calls if ("name", each.name) in call.given), None)
            if call is not None:
                note = f"`{scope.facts.qualified}` looks at its `{each.name}`"
                looking.setdefault(each.name, Step(scope.module.path, call.line, note))
    for scope, found in taking.items():
        loads = {*scope.facts.loads, *(name for each in scope.children for name in each.facts.loads)}
        for each in found:
            if each.name in loads or each.name not in looking or _is_filled(analysis, each, scope):
                continue
            for whose in scope.facts.parameters:
                if (
                    not ACTING.fullmatch(whose.name)
                    or _is_filled(analysis, whose, scope)
                    or f"{{{whose.name}" in routes[scope].label
                ):
                    continue
                place = ("name", whose.name)
                acts = [call for call in scope.facts.calls if place in call.given and call.callee[-1] not in LOOKING]
                if acts:
                    # What only tests something acts for nobody yet.
                    done = [
                        call for call in acts if (call.where[-1][0] if call.where[0] == "await" else call.where[0]) in DOING
                    ]
                    done = done or acts
                    yield DroppedProof(scope, each.name, whose.name, done[0], looking[each.name])
                    break


def _is_filled(analysis: Analysis, parameter: Parameter, scope: FunctionSymbol) -> bool:
    """A dependency fills it, and may look at what it gives."""
    around = scope.parent or scope
    if analysis.receivers.parameters.dependency(parameter, around) is not None:
        return True
    return any(word in f"{parameter.default} {parameter.annotation}" for word in ("Depends", "Security", "Inject")) or (
        parameter.default is not None
        and parameter.default[0] == "call"
        and (around.facts.calls[parameter.default[1]].callee[-1] in INJECTED)
    )


def _only_asked(name: str, scope: FunctionSymbol) -> Block | None:
    """The test of whether it is there, where nothing else is made of it."""
    place = ("name", name)
    facts = scope.facts
    if scope.assigned.get(name) or any(name in each.facts.loads for each in scope.children):
        return None
    made: list[Expression] = [part for call in facts.calls for part in (call.callee, *call.given)]
    made += [each.value for each in facts.assignments] + [each.value for each in facts.returned]
    made += [each[0] for each in facts.awaits] + [each[0] for each in facts.asserts]
    if any(place in within(each, scope) for each in made):
        return None
    tests = [block for block in facts.blocks if any(place in within(each, scope) for each in block.expressions)]
    if any(block.what not in ("if", "else") for block in tests):
        return None
    asked = [part for block in tests for each in block.expressions for part in within(each, scope)]
    # Whether it is this one, or of this kind, is more than whether it is there.
    if any(part[0] in ("compare", "call") and place in within(part, scope) for part in asked):
        return None
    return next((each for each in tests if each.what == "if"), None)


def _acted(whose: list[str], tested: Block, scope: FunctionSymbol) -> tuple[str, CallSite | None]:
    """The call that is told for whom it acts, where the proof is there."""
    refuses = any(tested.line <= each <= tested.end_line for each in scope.facts.raises)
    for call in scope.facts.calls:
        inside = tested.line <= call.line <= tested.end_line
        if inside if refuses else not inside:
            continue
        for name in whose:
            if ("name", name) in call.given and call.callee[-1] not in LOOKING and call.line >= tested.line:
                return name, call
    return "", None


# What only tells or tests.
LOOKING: Final = frozenset("debug info warning error exception print str len isinstance bool format get_logger log".split())
