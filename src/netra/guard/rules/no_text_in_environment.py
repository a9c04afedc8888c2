"""E111."""

from collections.abc import Iterator
from typing import Final, NamedTuple

from netra.guard.analysis import Analysis
from netra.guard.asked import call_of, named
from netra.guard.environment import Access, Replaced, Touch, accesses
from netra.guard.facts import NOTHING, Expression, last_name
from netra.guard.faults import CERTAIN, LIKELY, Mend, Sighting
from netra.guard.meaning.expressions import within, written
from netra.guard.rule import rule
from netra.guard.spellings import of_os
from netra.guard.symbols import FunctionSymbol
from netra.guard.unset import asked_for

NUMBERS: Final = frozenset({"int", "float", "bool"})
READING: Final = frozenset({"os.getenv", "os.environ.get"})
STORING: Final = frozenset({"setdefault", "putenv"})


class _Stored(NamedTuple):
    """A value that is put into the environment, and the variable, where it is known."""

    key: str
    value: Expression


@rule("E111", "no-text-in-environment")
def no_text_in_environment(analysis: Analysis) -> Iterator[Sighting]:
    """Something is put into the environment that is no text, or is none when a variable is not set: a TypeError.

    The environment holds texts only, and `os.getenv` gives None for a variable that nobody has set.

    ```python
    os.environ["OPENAI_API_KEY"] = os.getenv("OPENAI_API_KEY")  # E111: without it, "str expected, not NoneType"
    os.environ["PORT"] = 8000  # E111: "str expected, not int"
    ```

    A variable that is set need not be put where it is. Ask whether it is there, and say what is missing; write numbers as
    texts. Left alone is a read whose function looks for the variable in some way, or for which the program has a value.
    """
    replaced = analysis.once(Replaced)
    written_to = _written(analysis)
    for access in analysis.once(accesses):
        scope = access.scope
        if access.touch is not Touch.WRITE or access.module.in_tests or replaced.holds(access.module):
            continue
        for stored in _stored(access):
            value = _behind(stored.value, scope)
            if value == NOTHING or (value[0] == "constant" and value[1] in NUMBERS):
                kind = "NoneType" if value == NOTHING else value[1]
                message = f"a variable holds texts only: this is a TypeError, `str expected, not {kind}`"
                yield _sighting(access, message, "write it as a text", CERTAIN)
            elif variable := _unset(analysis, value, scope):
                if _is_looked_for(variable, stored, value, access, written_to):
                    continue
                message = f"where `{variable}` is not set this is a TypeError, `str expected, not NoneType`"
                yield _sighting(access, message, "ask whether it is there, and say what is missing", LIKELY)


def _sighting(access: Access, message: str, mend: str, confidence: str) -> Sighting:
    return Sighting(access.scope, access.line, access.column, access.end_line, message, (), Mend(mend), confidence)


def _stored(access: Access) -> Iterator[_Stored]:
    scope, mention = access.scope, access.mention
    if mention.where == ("store",):
        for each in scope.assignments_on.get(access.line, ()):
            if each.target[0] == "subscript" and each.target[1] == mention.expression and each.how == "=":
                yield _Stored(each.target[2][1] if each.target[2][0] == "string" else "", each.value)
        return
    call = call_of(scope, mention)
    if call is None:
        return
    if last_name(call.callee) in STORING and len(call.arguments) == 2:
        yield _Stored(access.variable, call.arguments[1])
    elif last_name(call.callee) == "update":
        yield from (_Stored(name, value) for name, value in call.keywords if name != "**")
        given = [each[1] for each in call.arguments if each[0] == "dict"]
        yield from (_Stored(key[1] if key[0] == "string" else "", value) for pairs in given for key, value in pairs)


def _behind(value: Expression, scope: FunctionSymbol) -> Expression:
    """What a name has got that is assigned once."""
    if value[0] == "name" and value[1] not in scope.parameters:
        match scope.assigned.get(value[1], ()):
            case [only] if only.how in ("=", "annotated") and ("name", value[1]) not in asked_for(scope):
                if only.value[0] == "call" or only.value[0] == "constant":
                    return only.value
    return value


def _unset(analysis: Analysis, value: Expression, scope: FunctionSymbol) -> str:
    """The variable that is read without a default."""
    if value[0] != "call":
        return ""
    call = scope.facts.calls[value[1]]
    if of_os(analysis, call.callee, scope) not in READING:
        return ""
    name, default = named(analysis, scope, call)
    return name if default in (None, NOTHING) else ""


def _is_looked_for(variable: str, stored: _Stored, value: Expression, access: Access, written_to: dict[str, int]) -> bool:
    """A test or an assertion is about the variable, a handler takes the error, or somebody gives it a value."""
    scope = access.scope
    if written_to.get(variable, 0) > (1 if stored.key == variable else 0):
        return True
    tests = [each for block in scope.facts.blocks for each in block.expressions if block.what != "loop"]
    tests += [test for test, _ in scope.facts.asserts]
    if any(part == ("string", variable) for test in tests for part in within(test, scope)):
        return True
    if any(each.what == "try" and each.line <= access.line <= each.end_line for each in scope.facts.blocks):
        return True
    reads = (each for each in scope.facts.calls if value[0] == "call" and each is not scope.facts.calls[value[1]])
    if any(("string", variable) in each.given and "env" not in written(each.callee, scope) for each in reads):
        return True  # somebody is given its name: `require("OPENAI_API_KEY")`
    known = [each for each in scope.facts.mentions if each.where == ("subscript", variable) and each.line < access.line]
    return bool(known)


def _written(analysis: Analysis) -> dict[str, int]:
    """How often the program writes each variable."""
    found: dict[str, int] = {}
    for each in analysis.once(accesses):
        if each.touch is Touch.WRITE:
            found[each.variable] = found.get(each.variable, 0) + 1
    return found
