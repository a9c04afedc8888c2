"""Lines that no member of an enumeration leads to, because each of them has been asked for and left before.

if state is State.OPEN:
return 1
if state is State.DONE:
return 2
assert_never(state)
"""

from collections import defaultdict
from collections.abc import Iterator

from netra.guard.facts import Block, Expression
from netra.guard.program import ClassSymbol, FunctionSymbol, Program


def is_exhausted(line: int, scope: FunctionSymbol, program: Program) -> bool:
    """Of something that is compared with the members of an enumeration, none is left where the line stands."""
    left: dict[tuple[Expression, ClassSymbol], set[str]] = defaultdict(set)
    for block in scope.facts.blocks:
        if _is_passed(block, line, scope):
            for subject, kind, member in _asked(block.expressions[0], scope, program):
                left[subject, kind].add(member)
    return any(found >= _members(kind) for (_, kind), found in left.items())


def _is_passed(block: Block, line: int, scope: FunctionSymbol) -> bool:
    """The line runs only when the test of the block was false."""
    if block.what == "else":
        return block.line <= line <= block.end_line
    if block.what != "if" or block.end_line >= line:
        return False
    inside = [each for each in scope.facts.blocks if each is not block and block.line <= each.line <= block.end_line]
    leaving = (*(each.line for each in scope.facts.returned if each.how == "return"), *scope.facts.raises)
    return not inside and any(block.line <= each <= block.end_line for each in leaving)


def _asked(test: Expression, scope: FunctionSymbol, program: Program) -> Iterator[tuple[Expression, ClassSymbol, str]]:
    """`x is E.A`, `x == E.A`, `x in (E.A, E.B)`: what is asked about, and each member."""
    match test:
        case ("compare", (subject, member), ("Is" | "Eq",)):
            members = (member,)
        case ("compare", (subject, ("tuple" | "list" | "set", members)), ("In",)):
            pass
        case _:
            return
    for each in members:
        match each:
            case ("attribute", inner, str(name)):
                match program.evaluate(inner, scope):
                    case ClassSymbol() as kind if program.is_enumeration(kind):
                        yield subject, kind, name


def _members(kind: ClassSymbol) -> set[str]:
    return {name for name in kind.body.assigned if not name.startswith("_")}
