"""What the text of a statement says, as far as it is written down: through `text`, joined and formatted strings and names."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from netra.guard.analysis import Analysis
from netra.guard.facts import PLAIN, TOP, Expression, last_name
from netra.guard.meaning.parameters import parameter_given
from netra.guard.requests.request_values import QUOTING, RequestValues
from netra.guard.symbols import External, FunctionSymbol, VariableSymbol
from netra.guard.values import Routine

# What makes a statement of a text and changes nothing in it, by its own name, whatever it was imported as.
WRAPPING: Final = frozenset({"text", "SQL", "RawSQL", "dedent", "cleandoc"})
COMPOSED: Final = frozenset({"operator", "formatted"})
TRIMMING: Final = frozenset({"strip", "lstrip", "rstrip", "bindparams", "columns", "execution_options"})
"""Methods that leave the text of a statement as it is."""

# Names and calls that a text is put together of; `query = query + …` would go on for ever.
LONGEST: Final = 12

_PLACES: Final = re.compile(r"%%|%(?:\((\w+)\))?[sdrif]")
_FIELDS: Final = re.compile(r"\{\{|\}\}|\{(\w*)(?:[.\[][^}:!]*)?(?:![rsa])?(?::[^}]*)?\}")


@dataclass(frozen=True, slots=True)
class Piece:
    """A piece of a text: words that are written down, or a value that is filled in."""

    text: str
    value: Expression | None
    scope: FunctionSymbol
    line: int
    """The line at which the piece is put into the text; 0 where that is the line of the call itself."""


class Statements:
    """Answers what the statements of a program say."""

    def __init__(self, analysis: Analysis) -> None:
        self._analysis = analysis
        self._values = analysis.once(RequestValues)

    def written(self, expression: Expression, scope: FunctionSymbol) -> str:
        """The text of a statement; what is filled in is a question mark. Empty where nothing of it is written down."""
        parts = self.parts(expression, scope)
        return "".join("?" if each.value is not None else each.text for each in parts) if _says_anything(parts) else ""

    def parts(self, expression: Expression, scope: FunctionSymbol) -> tuple[Piece, ...]:
        """The pieces of a text, in order."""
        return tuple(self._parts(expression, scope, 0, LONGEST))

    def _parts(self, expression: Expression, scope: FunctionSymbol, line: int, depth: int) -> Iterator[Piece]:
        if depth == 0:
            yield Piece("", expression, scope, line)
            return
        match expression:
            case ("string", str(text)):
                yield Piece(text, None, scope, line)
            case ("formatted", pieces):
                for each in pieces:
                    yield from self._parts(each, scope, line, depth - 1)
            case ("operator", "+", left, right):
                yield from self._parts(left, scope, line, depth - 1)
                yield from self._parts(right, scope, line, depth - 1)
            case ("operator", "%", left, right):
                yield from self._filled(left, right, scope, line, depth - 1)
            case ("choice", parts) if made := [each for each in parts if each[0] in COMPOSED]:
                # `"name = '" + name + "'" if name else "true"`: of the two, one is put together.
                yield from self._parts(made[0], scope, line, depth - 1)
            case ("call", int(index)):
                yield from self._called(index, scope, line, depth - 1)
            case ("name", str(name)):
                yield from self._named(name, scope, line, depth - 1)
            case _:
                yield Piece("", expression, scope, line)

    def _called(self, index: int, scope: FunctionSymbol, line: int, depth: int) -> Iterator[Piece]:
        call = scope.facts.calls[index]
        match call.callee:
            case ("attribute", inner, "format") if "**" not in dict(call.keywords):
                yield from self._replaced(inner, call.arguments, dict(call.keywords), scope, line, depth)
            case ("attribute", ("string", str(between)), "join") if call.arguments and call.arguments[0][0] == "name":
                for number, each in enumerate(_put_into(call.arguments[0][1], scope)):
                    yield Piece(between if number else "", None, scope, line)
                    yield from self._parts(each, scope, line, depth)
            case ("attribute", ("string", _), "join") if call.arguments and call.arguments[0][0] == "comprehension":
                yield from self._parts(call.arguments[0][2], scope, line, depth)
            case ("attribute", inner, str(method)) if method in TRIMMING:
                yield from self._parts(inner, scope, line, depth)
            case callee if call.arguments and self.is_wrapping(callee, scope):
                yield from self._parts(call.arguments[0], scope, line, depth)
            case _:
                made = tuple(self._made(index, scope, line, depth))
                yield from made if _says_anything(made) else (Piece("", ("call", index), scope, line),)

    def _made(self, index: int, scope: FunctionSymbol, line: int, depth: int) -> Iterator[Piece]:
        """The text that a function of the program puts together for whoever calls it: `sql + _order(column)`.

        What it was given for it, and has neither checked nor quoted, is what stands in the call.
        """
        call = scope.facts.calls[index]
        name = (last_name(call.callee) or "").lower()
        if depth <= 0 or any(word in name for word in QUOTING):
            return
        match self._analysis.receivers.value(call.callee, scope):
            case Routine(function=function, bound=bound) if not function.module.library:
                facts = function.facts
            case _:
                return
        if facts.sort != PLAIN or facts.yields or len(facts.returned) != 1 or facts.decorators or facts.falls:
            return
        given = call.placed
        handed = {parameter_given(function, position, bound=bound): value for position, value in given}
        for each in self._parts(facts.returned[0].value, function, facts.returned[0].line, depth):
            match each.value:
                case ("name", str(asked)) if each.scope is function and asked in handed:
                    checked = self._values.is_checked(function, asked)
                    yield from (each,) if checked else self._parts(handed[asked], scope, line, depth - 1)
                case _:
                    yield each

    def is_wrapping(self, callee: Expression, scope: FunctionSymbol) -> bool:
        """`text` of SQLAlchemy and its like, under whatever name it was imported."""
        if last_name(callee) in WRAPPING:
            return True
        match self._analysis.program.evaluate(callee, scope):
            case External() as external:
                return external.last in WRAPPING
        return False

    def _named(self, name: str, scope: FunctionSymbol, line: int, depth: int) -> Iterator[Piece]:
        at = scope
        if name not in scope.bound:
            match self._analysis.program.lookup(name, scope):
                case VariableSymbol(scope=around) if around.facts.sort == TOP:
                    at = around
        assigned = [] if name in at.parameters else at.assigned.get(name, [])
        whole = [each for each in assigned if each.how in ("=", "annotated")]
        added = [each for each in assigned if each.how == "augmented"]
        # Of `sql = …` in one branch and `sql = …` in another, one holds, and what is added is added to it.
        if not whole or len(whole) + len(added) != len(assigned) or name in at.facts.globals:
            yield Piece("", ("name", name), scope, line)
            return
        for each in (*whole[:1], *added):
            yield from self._parts(each.value, at, each.line, depth)

    def _filled(
        self, template: Expression, values: Expression, scope: FunctionSymbol, line: int, depth: int
    ) -> Iterator[Piece]:
        """`"… %s" % value`."""
        given = list(values[1]) if values[0] == "tuple" else [values]
        by_name = {key[1]: value for key, value in values[1] if key[0] == "string"} if values[0] == "dict" else {}
        for part in self._parts(template, scope, line, depth):
            at = 0
            for place in () if part.value is not None else _PLACES.finditer(part.text):
                if place[0] == "%%":
                    continue
                yield Piece(part.text[at : place.start()], None, scope, line)
                at = place.end()
                value = by_name.get(place[1]) if place[1] else given.pop(0) if given else None
                text = place[0][-1] in "sr"  # `%d` takes numbers only
                yield Piece("", value if text and value is not None else ("constant", "int"), scope, line)
            yield Piece(part.text[at:], part.value, part.scope, part.line)

    def _replaced(
        self,
        template: Expression,
        given: tuple[Expression, ...],
        by_name: dict[str, Expression],
        scope: FunctionSymbol,
        line: int,
        depth: int,
    ) -> Iterator[Piece]:
        """`"… {} …".format(value)`."""
        number = 0
        for part in self._parts(template, scope, line, depth):
            at = 0
            for place in () if part.value is not None else _FIELDS.finditer(part.text):
                if place[0] in ("{{", "}}"):
                    continue
                yield Piece(part.text[at : place.start()], None, scope, line)
                at = place.end()
                key = place[1]
                if not key or key.isdigit():
                    position = int(key) if key else number
                    number += 1
                    value = given[position] if position < len(given) else None
                else:
                    value = by_name.get(key)
                yield Piece("", value if value is not None else ("constant", "int"), scope, line)
            yield Piece(part.text[at:], part.value, part.scope, part.line)


def _put_into(name: str, scope: FunctionSymbol) -> Iterator[Expression]:
    """What a local list is made with, and what is appended to it."""
    for each in scope.assigned.get(name, ()):
        if each.value[0] == "list":
            yield from each.value[1]
    for call in scope.facts.calls:
        if call.callee == ("attribute", ("name", name), "append") and call.arguments:
            yield call.arguments[0]


def _says_anything(parts: tuple[Piece, ...]) -> bool:
    return any(each.value is None and each.text for each in parts)
