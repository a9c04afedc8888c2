"""What the tests before a line rule out: members of an enumeration that have been asked for and left, classes, and the same
test once more.

if state is State.OPEN:
return 1
if state is State.DONE:
return 2
assert_never(state)
"""

from collections import defaultdict
from collections.abc import Iterator
from typing import Final

from netra.guard.facts import Block, Expression, last_name
from netra.guard.meaning.reaching import GivenValue, known_of
from netra.guard.program import Program
from netra.guard.symbols import ClassSymbol, FunctionSymbol

# What Python gathers the arguments in that no parameter takes, by how the parameter is written.
GATHERED: Final = {"arguments": "tuple", "keywords": "dict"}


def is_exhausted(line: int, scope: FunctionSymbol, program: Program) -> bool:
    """Of something that is compared with the members of an enumeration, none is left where the line stands."""
    left: dict[tuple[Expression, ClassSymbol], set[str]] = defaultdict(set)
    for block in scope.facts.blocks:
        if _is_passed(block, line, scope):
            for subject, kind, member in _asked(block.expressions[0], scope, program):
                left[subject, kind].add(member)
    return any(found >= _members(kind) for (_, kind), found in left.items())


def is_uncovered(first: int, line: int, scope: FunctionSymbol, program: Program) -> bool:
    """The `if` in this line asks, with its `elif`, for members of an enumeration, and a member is left for which no branch is.

    It may also ask whether there is anything at all. Members that were asked for and left before the line are none of those.
    """
    asked: dict[tuple[Expression, ClassSymbol], set[str]] = defaultdict(set)
    for test in _tests_of_chain(first, line, scope):
        members = list(_asked(test, scope, program))
        for subject, kind, member in members:
            asked[subject, kind].add(member)
        if not members and not _asks_for_any(test):
            return False
    if len(asked) != 1:
        return False
    for block in scope.facts.blocks:
        if _is_passed(block, first, scope):
            for subject, kind, member in _asked(block.expressions[0], scope, program):
                if (subject, kind) in asked:
                    asked[subject, kind].add(member)
    return all(_members(kind) - found for (_, kind), found in asked.items())


def _tests_of_chain(first: int, last: int, scope: FunctionSymbol) -> Iterator[Expression]:
    """What an `if` that begins in a line asks, and each `elif` of it."""
    blocks = sorted(
        (each for each in scope.facts.blocks if each.what in ("if", "else") and first <= each.line <= last),
        key=lambda each: (each.line, -each.end_line),
    )
    at = next((each for each in blocks if each.what == "if"), None)
    while at is not None:
        yield at.expressions[0]
        over = next((each for each in blocks if each.what == "else" and each.head == at.end_line), None)
        inside = () if over is None else (each for each in blocks if over.line <= each.line <= over.end_line)
        at = next((each for each in inside if each.what == "if"), None)


def is_asked_of_a_default(first: int, line: int, scope: FunctionSymbol) -> bool:
    """The `if` in this line, or an `elif` of it, asks whether there is something that was given a default above it:
    `kind = kind if kind else "all"`, `kind = kind or "all"`.
    """
    given = {
        each.target: known_of(each.value[1][-1])
        for each in scope.facts.assignments
        if each.line < first and each.value[0] == "choice"
        if not any(block.line <= each.line <= block.end_line for block in scope.facts.blocks)
    }
    for each in scope.facts.assignments:
        if each.value[0] != "choice":
            given.pop(each.target, None)
    for test in _tests_of_chain(first, line, scope):
        match test:
            case ("compare", (subject, ("none",)), ("IsNot",)) if given.get(subject) in (GivenValue.FILLED, GivenValue.OBJECT):
                return True
            case subject if given.get(subject) is GivenValue.FILLED:
                return True
    return False


def is_asked_of_arguments(first: int, scope: FunctionSymbol) -> bool:
    """The `if` in this line asks whether `*args` is a tuple, or `**kwargs` a dictionary, which they always are."""
    gathered = {
        each.name: GATHERED[each.position]
        for each in scope.facts.parameters
        if each.position in GATHERED and each.name not in scope.assigned
    }
    test = next((block.expressions[0] for block in scope.facts.blocks if block.what == "if" and block.head == first), None)
    match test:
        case ("call", int(index)):
            call = scope.facts.calls[index]
            if call.callee == ("name", "isinstance") and len(call.arguments) == 2:
                return _is_gathered(call.arguments[0], call.arguments[1], gathered)
        case ("compare", (left, kind), ("Is",) | ("Eq",)):
            given = scope.assigned.get(left[1], ()) if left[0] == "name" else ()
            asked = given[0].value if len(given) == 1 else left
            if asked[0] == "call" and scope.facts.calls[asked[1]].callee == ("name", "type"):
                return any(_is_gathered(each, kind, gathered) for each in scope.facts.calls[asked[1]].arguments)
    return False


def _is_gathered(value: Expression, kind: Expression, gathered: dict[str, str]) -> bool:
    return value[0] == "name" and kind == ("name", gathered.get(value[1]))


def _asks_for_any(test: Expression) -> bool:
    """`x is None`, `not x`."""
    match test:
        case ("compare", (_, ("none",)), ("Is",)) | ("not", _):
            return True
    return False


def is_asked_again(line: int, scope: FunctionSymbol) -> bool:
    """The line stands under a test that an `if` above it has asked already, and always left: it is never true again.

    Unless something that it reads is given another value in between. That a call might do so is not asked.
    """
    blocks = scope.facts.blocks
    return any(
        before.expressions == later.expressions
        and _is_passed(before, later.line, scope)
        and not _is_changed(later.expressions[0], before.end_line, later.line, scope)
        for later in blocks
        if later.what == "if" and later.line <= line <= later.end_line
        for before in blocks
    )


def _is_changed(test: Expression, first: int, last: int, scope: FunctionSymbol) -> bool:
    read = {*_read(test)}
    return any(first < each.line < last and each.target in read for each in scope.facts.assignments)


def _parts(expression: Expression) -> Iterator[Expression]:
    for part in expression[1:]:
        for each in part if isinstance(part, tuple) and part and isinstance(part[0], tuple) else (part,):
            if isinstance(each, tuple) and each and isinstance(each[0], str):
                yield each


def _read(test: Expression) -> Iterator[Expression]:
    yield test
    for part in _parts(test):
        yield from _read(part)


def classes_left(
    options: tuple[ClassSymbol, ...], expression: Expression, line: int, scope: FunctionSymbol, program: Program
) -> tuple[ClassSymbol, ...] | None:
    """Of the classes that an expression may have, those that `isinstance` leaves where the line stands.

    None when nobody asks in this scope, when somebody asks in a way that is not understood, or when nothing is left.
    """
    by_pattern = _left_by_cases(options, expression, line, scope, program)
    if by_pattern is not None:
        return by_pattern or None
    asked = [
        number
        for number, call in enumerate(scope.facts.calls)
        if last_name(call.callee) == "isinstance" and len(call.arguments) == 2 and call.arguments[0] == expression
    ]
    tests = {block.expressions[0] for block in scope.facts.blocks if block.what == "if"}
    if not asked or any(("call", number) not in tests for number in asked):
        return None
    left = list(options)
    for number in asked:
        kinds = _classes(scope.facts.calls[number].arguments[1], scope, program)
        if not kinds or any(option in program.order(kind)[0][1:] for kind in kinds for option in options):
            return None
        of_these = [option for option in options if not kinds.isdisjoint(program.order(option)[0])]
        for block in scope.facts.blocks:
            if block.what in ("if", "else") and block.expressions[0] == ("call", number):
                if block.what == "if" and block.line <= line <= block.end_line:
                    left = [each for each in left if each in of_these]
                elif _is_passed(block, line, scope):
                    left = [each for each in left if each not in of_these]
    return tuple(left) or None


def _left_by_cases(
    options: tuple[ClassSymbol, ...], expression: Expression, line: int, scope: FunctionSymbol, program: Program
) -> tuple[ClassSymbol, ...] | None:
    """The same of the `case` in which the line stands, and those above it; None where it stands in none of that expression."""
    here = next((each for each in reversed(scope.facts.cases) if each[1] == expression and each[4] <= line <= each[5]), None)
    if here is None:
        return None
    left = list(options)
    for start, subject, classes, whole, first, last in scope.facts.cases:
        if start != here[0] or subject != expression or first > here[4]:
            continue
        kinds = {program.evaluate(each, scope) for each in classes}
        is_here = (first, last) == (here[4], here[5])
        if not all(isinstance(each, ClassSymbol) for each in kinds) or (is_here and not classes and not whole):
            return ()  # what the pattern asks for is not understood
        of_these = [each for each in left if not kinds.isdisjoint(program.order(each)[0])]
        if is_here:
            return tuple(of_these if classes else left)
        if whole and classes:
            left = [each for each in left if each not in of_these]
    return ()


def _classes(given: Expression, scope: FunctionSymbol, program: Program) -> set[ClassSymbol]:
    """The classes that `isinstance` is given; none when one of them is not known."""
    found: set[ClassSymbol] = set()
    for each in given[1] if given[0] == "tuple" else (given,):
        match program.evaluate(each, scope):
            case ClassSymbol() as kind:
                found.add(kind)
            case _:
                return set()
    return found


def _is_passed(block: Block, line: int, scope: FunctionSymbol) -> bool:
    """The line runs only when the test of the block was false."""
    if block.what == "else":
        return block.line <= line <= block.end_line
    if block.what != "if" or block.end_line >= line:
        return False
    inside = [each for each in scope.facts.blocks if each is not block and block.line <= each.line <= block.end_line]
    leaving = (
        *(each.line for each in scope.facts.returned if each.how == "return"),
        *(at for how, at in scope.facts.jumps if how == "return"),
        *scope.facts.raises,
    )
    return any(
        block.line <= each <= block.end_line and not any(one.line <= each <= one.end_line for one in inside) for each in leaving
    )


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
