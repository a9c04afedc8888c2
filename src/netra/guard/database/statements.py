"""What the text of a statement says, as far as it is written down: through `text`, joined and formatted strings and names."""

import re
from collections.abc import Iterator
from typing import Final

from netra.guard.analysis import Analysis
from netra.guard.facts import ASYNC, PLAIN, TOP, Assignment, Expression, last_name
from netra.guard.immutable import immutable
from netra.guard.meaning.parameters import parameter_given
from netra.guard.requests.request_values import QUOTING, RequestValues
from netra.guard.symbols import External, FunctionSymbol, VariableSymbol
from netra.guard.values import Routine

# What makes a statement of a text and changes nothing in it, by its own name, whatever it was imported as.
WRAPPING: Final = frozenset({"text", "SQL", "RawSQL", "literal_column", "TextClause", "dedent", "cleandoc"})
PLAIN_PARTS: Final = frozenset({"string", "none", "constant"})
TRIMMING: Final = frozenset({"strip", "lstrip", "rstrip", "bindparams", "columns", "execution_options"})
"""Methods that leave the text of a statement as it is."""

# What gives the members of what it is given, in some order.
LISTING: Final = frozenset({"list", "tuple", "sorted", "set", "reversed", "frozenset"})

# Names and calls that a text is put together of; `query = query + …` would go on for ever.
LONGEST: Final = 12
# Of a text that is written down in one way after the other, as many are looked at.
MOST_WAYS: Final = 6

_PLACES: Final = re.compile(r"%%|%(?:\((\w+)\))?[sdrif]")
_NAMED: Final = re.compile(r"\$\$|\$\{?(\w+)\}?")
_FIELDS: Final = re.compile(r"\{\{|\}\}|\{(\w*)(?:[.\[][^}:!]*)?(?:![rsa])?(?::[^}]*)?\}")


@immutable
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
        self._above: dict[tuple[FunctionSymbol, str], int] = {}
        """Of names whose value is being read, the line of it: of `query = query + …`, what stands above is meant."""

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
            case ("choice", parts):
                # `"name = '" + name + "'" if name else "true"`: of the two, one is put together.
                ways = [
                    tuple(self._parts(each, scope, line, depth - 1)) for each in parts if each[0] not in ("none", "constant")
                ]
                written = [way for way in ways if _says_anything(way)]
                filled = [way for way in written if _values_of(way)]
                chosen = filled or (written if len(written) == len(ways) else [])
                yield from chosen[0] if chosen else (Piece("", expression, scope, line),)
            case ("await", inner):
                made = tuple(self._parts(inner, scope, line, depth - 1))
                yield from made if _says_anything(made) else (Piece("", expression, scope, line),)
            case ("call", int(index)):
                yield from self._called(index, scope, line, depth - 1)
            case ("name", str(name)):
                yield from self._named(name, scope, line, depth - 1)
            case ("attribute", _, str(name)):
                yield from self._of_somebody(expression, name, scope, line)
            case _:
                yield Piece("", expression, scope, line)

    def _of_somebody(self, expression: Expression, name: str, scope: FunctionSymbol, line: int) -> Iterator[Piece]:
        """`queries.FIND`, and `self.FIND` of the class: a text that is written down there, and nowhere changed."""
        at: FunctionSymbol | None = None
        match self._analysis.program.evaluate(expression, scope):
            case VariableSymbol(scope=around):
                at = around
        if at is None and expression[1] in (("name", "self"), ("name", "cls")) and scope.owner is not None:
            orders = self._analysis.program.order(scope.owner)[0]
            at = next((each.body for each in orders if name in each.body.assigned), None)
        assigned = at.assigned.get(name, []) if at is not None else []
        if at is not None and len(assigned) == 1 and assigned[0].value[0] == "string":
            yield Piece(assigned[0].value[1], None, at, assigned[0].line)
        else:
            yield Piece("", expression, scope, line)

    def _called(self, index: int, scope: FunctionSymbol, line: int, depth: int) -> Iterator[Piece]:
        call = scope.facts.calls[index]
        match call.callee:
            case ("attribute", inner, "format"):
                yield from self._replaced(inner, call.arguments, dict(call.keywords), scope, line, depth)
            case ("attribute", ("string", str(between)), "join") if call.arguments:
                members = self._members(call.arguments[0], scope, depth)
                for number, (template, each) in enumerate(members):
                    yield Piece(between if number else "", None, scope, line)
                    if template is None:
                        yield from self._parts(each, scope, line, depth)
                    else:
                        yield from self._replaced(template, (each,), {}, scope, line, depth)
                if not members:
                    yield Piece("", ("call", index), scope, line)
            case ("attribute", inner, "replace") if len(call.arguments) >= 2 and call.arguments[0][0] == "string":
                yield from self._exchanged(inner, call.arguments[0][1], call.arguments[1], ("call", index), scope, line, depth)
            case ("attribute", inner, "substitute" | "safe_substitute") if (template := _template(inner, scope)) is not None:
                yield from self._substituted(template, dict(call.keywords), call.arguments, scope, line, depth)
            case ("attribute", inner, str(method)) if method in TRIMMING:
                yield from self._parts(inner, scope, line, depth)
            case callee if call.arguments and self.is_wrapping(callee, scope):
                yield from self._parts(call.arguments[0], scope, line, depth)
            case _:
                made = tuple(self._made(index, scope, line, depth))
                yield from made if _says_anything(made) else (Piece("", ("call", index), scope, line),)

    def _made(self, index: int, scope: FunctionSymbol, line: int, depth: int, place: int = -1) -> Iterator[Piece]:
        """The text that a function of the program puts together for whoever calls it: `sql + _order(column)`.

        What it was given for it, and has neither checked nor quoted, is what stands in the call. `place`: which of several that
        it gives at once is meant, as in `where, values = _conditions(filters)`.
        """
        call = scope.facts.calls[index]
        if depth <= 0 or QUOTING.search((last_name(call.callee) or "").lower()):
            return
        match self._analysis.receivers.value(call.callee, scope):
            case Routine(function=function, bound=bound) if not function.module.library:
                facts = function.facts
            case _:
                return
        if facts.sort not in (PLAIN, ASYNC) or facts.yields or not facts.returned or facts.decorators or facts.falls:
            return
        given = call.placed
        handed = {parameter_given(function, position, bound=bound): value for position, value in given}
        ways = []
        for each in facts.returned[:MOST_WAYS]:
            value = each.value
            if place >= 0:
                if value[0] != "tuple" or len(value[1]) <= place:
                    return
                value = value[1][place]
            ways.append(tuple(self._parts(value, function, each.line, depth)))
        for piece in _fullest(ways):
            match piece.value:
                case ("name", str(asked)) if piece.scope is function and asked in handed:
                    checked = self._values.is_checked(function, asked)
                    yield from (piece,) if checked else self._parts(handed[asked], scope, line, depth - 1)
                case _:
                    yield piece

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
        above = self._above.get((at, name))
        if above is not None:
            whole = [each for each in whole if each.line < above] or whole[:1]
            added = [each for each in added if each.line < above]
        # Of `sql = …` in one branch and `sql = …` in another, one holds, and what is added is added to it.
        if len(assigned) == 1 and assigned[0].how == "unpack" and assigned[0].value[0] in ("call", "await"):
            yield from self._one_of_several(assigned[0], at, depth) or (Piece("", ("name", name), scope, line),)
            return
        strange = any(each.how not in ("=", "annotated", "augmented") for each in assigned)
        if not whole or strange or name in at.facts.globals:
            yield Piece("", ("name", name), scope, line)
            return
        if above is not None and whole[0].line >= above:
            yield Piece("", ("name", name), scope, line)
            return
        ways = []
        for each in whole[-MOST_WAYS:]:
            self._above[at, name] = each.line
            ways.append(tuple(self._parts(each.value, at, each.line, depth)))
            if above is None:
                del self._above[at, name]
            else:
                self._above[at, name] = above
        made = _fullest(ways)
        if not _says_anything(made) and not added and self._values.is_compared(at, name):
            yield Piece("", ("name", name), at, line)  # `name = wanted.lstrip("-")`, and then `if name not in COLUMNS`
            return
        yield from made
        for each in added:
            yield from self._parts(each.value, at, each.line, depth)

    def _one_of_several(self, assigned: Assignment, scope: FunctionSymbol, depth: int) -> tuple[Piece, ...]:
        """What `where` is of `where, values = _conditions(filters)`."""
        call = assigned.value[1] if assigned.value[0] == "await" else assigned.value
        beside = [
            each
            for each in scope.facts.assignments
            if each.how == "unpack" and each.value == assigned.value and each.line == assigned.line
        ]
        if call[0] != "call":
            return ()
        place = beside.index(assigned)
        return tuple(self._made(call[1], scope, assigned.line, depth, place))

    def _members(self, listed: Expression, scope: FunctionSymbol, depth: int) -> list[tuple[Expression | None, Expression]]:
        """What a list holds that is joined, each with the text that it is put into: `map("name = '{}'".format, names)`."""
        match listed:
            case ("list" | "tuple" | "set", parts):
                return [(None, each) for each in parts]
            case ("comprehension", _, element):
                return [(None, element)]
            case ("operator", "+", left, right):
                return [each for side in (left, right) for each in self._members(side, scope, depth)]
            case ("choice", parts):
                return next(filter(None, (self._members(each, scope, depth) for each in parts)), [])
            case ("name", str(name)) if name not in scope.parameters and depth > 0:
                return [each for part in _put_into(name, scope) for each in self._members_of(part, scope, depth - 1)]
            case ("call", int(index)):
                call = scope.facts.calls[index]
                match call.callee, call.arguments:
                    case ("name", str(name)), (inner, *_) if name in LISTING:
                        return self._members(inner, scope, depth)
                    case ("name", "filter"), (_, inner):
                        return self._members(inner, scope, depth)
                    case ("name", "map"), (("attribute", template, "format"), inner):
                        return [(template, inner)]
        return []

    def _members_of(
        self, part: tuple[str, Expression], scope: FunctionSymbol, depth: int
    ) -> list[tuple[Expression | None, Expression]]:
        how, value = part
        return [(None, value)] if how == "one" else self._members(value, scope, depth)

    def _exchanged(
        self,
        template: Expression,
        sign: str,
        value: Expression,
        whole: Expression,
        scope: FunctionSymbol,
        line: int,
        depth: int,
    ) -> Iterator[Piece]:
        """`"… ORDER BY :order".replace(":order", order)`."""
        parts = tuple(self._parts(template, scope, line, depth))
        if not any(each.value is None and sign in each.text for each in parts) or len(sign) < 2:
            yield Piece("", whole, scope, line)  # a value of which some letters are taken out
            return
        for part in parts:
            if part.value is not None or sign not in part.text:
                yield part
                continue
            for number, text in enumerate(part.text.split(sign)):
                if number:
                    yield from self._parts(value, scope, line, depth)
                yield Piece(text, None, scope, line)

    def _substituted(
        self,
        template: Expression,
        by_name: dict[str, Expression],
        given: tuple[Expression, ...],
        scope: FunctionSymbol,
        line: int,
        depth: int,
    ) -> Iterator[Piece]:
        """`Template("… $name …").substitute(name=value)`."""
        other = by_name.get("**", given[0] if given else None)
        if other is not None and other[0] == "dict":
            by_name = by_name | {key[1]: value for key, value in other[1] if key[0] == "string"}
            other = None
        for part in self._parts(template, scope, line, depth):
            at = 0
            for found in () if part.value is not None else _NAMED.finditer(part.text):
                if found[1] is None:
                    continue
                yield Piece(part.text[at : found.start()], None, scope, line)
                at = found.end()
                value = by_name.get(found[1], other)
                yield Piece("", value if value is not None else ("constant", "int"), scope, line)
            yield Piece(part.text[at:], part.value, part.scope, part.line)

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
                    value = by_name.get(key, by_name.get("**"))
                yield Piece("", value if value is not None else ("constant", "int"), scope, line)
            yield Piece(part.text[at:], part.value, part.scope, part.line)


def _put_into(name: str, scope: FunctionSymbol) -> Iterator[tuple[str, Expression]]:
    """What a local list is made of, and what is put into it: "one" member, or "several" at once."""
    for each in scope.assigned.get(name, ()):
        if each.how in ("=", "annotated", "augmented") and each.value != ("name", name):
            yield "several", each.value
    for call in scope.facts.calls:
        match call.callee, call.arguments:
            case ("attribute", ("name", asked), "append" | "add"), (value, *_) if asked == name:
                yield "one", value
            case ("attribute", ("name", asked), "insert"), (_, value) if asked == name:
                yield "one", value
            case ("attribute", ("name", asked), "extend" | "update"), (values, *_) if asked == name:
                yield "several", values


def _template(made: Expression, scope: FunctionSymbol) -> Expression | None:
    """The text of `Template(…)`, written here or kept under a name."""
    if made[0] == "name" and made[1] not in scope.parameters:
        assigned = scope.assigned.get(made[1], ())
        made = assigned[0].value if len(assigned) == 1 else made
    if made[0] != "call":
        return None
    call = scope.facts.calls[made[1]]
    return call.arguments[0] if last_name(call.callee) == "Template" and len(call.arguments) == 1 else None


def _fullest(ways: list[tuple[Piece, ...]]) -> tuple[Piece, ...]:
    """Of several ways to put a text together, the first that fills in most."""
    return max(ways, key=lambda way: len(_values_of(way)), default=())


def _values_of(parts: tuple[Piece, ...]) -> list[Piece]:
    return [each for each in parts if each.value is not None and each.value[0] not in PLAIN_PARTS]


def _says_anything(parts: tuple[Piece, ...]) -> bool:
    return any(each.value is None and each.text for each in parts)
