"""A secret that is only asked whether it is there: whoever sends anything at all acts for whomever it names."""

import re
from collections.abc import Iterator
from typing import Final, NamedTuple

from netra.guard.analysis import Analysis
from netra.guard.facts import ASYNC, PLAIN, Block, CallSite, Expression
from netra.guard.meaning.expressions import within
from netra.guard.requests.serving import Serving
from netra.guard.symbols import FunctionSymbol

# What proves who somebody is, and who that is.
PROOF: Final = re.compile(
    r"(?!(?:has|is|use|with|include|require|mask|show|cls)_)(?:\w+_)?(?:secret|password|token|api_?key|signature|pin)"
)
WHOSE: Final = re.compile(r"(?:user|account|owner|tenant|member|customer)(?:_?(?:id|uid|uuid))?|uid|username")


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
