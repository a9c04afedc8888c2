"""What stands in for a variable or a setting that is missing, and whether everybody can read it in the source.

`os.getenv("KEY", "x")`, `os.getenv("KEY") or "x"`, `if not key: key = "x"`, `except KeyError: key = "x"`: whichever way it is
written, without the variable the program has what stands there.
"""

import re
from collections.abc import Iterator
from typing import Final, NamedTuple

from netra.guard.analysis import Analysis
from netra.guard.asked import call_of
from netra.guard.environment import Access, Touch, accesses
from netra.guard.facts import BODY, NOTHING, Assignment, Block, CallSite, Expression, last_name
from netra.guard.meaning.expressions import within
from netra.guard.symbols import ClassSymbol, FunctionSymbol, VariableSymbol

HARMLESS: Final = re.compile(
    r"[\W_]*|[\W\d_]{0,7}|true|false|none|null|.*\.(?:txt|pem|key|json|ya?ml)|.*[/\\].*|\$\{?\w+\}?|<.*>", re.IGNORECASE
)
"""Texts that are no secret: empty ones, short numbers, paths, switches, and what stands for a value still to be filled in."""

# What is made of a text that everybody can read, everybody can make.
MAKING: Final = frozenset(
    """SecretStr SecretBytes str bytes encode decode strip lower upper hexdigest digest sha256 sha512 sha1 md5 b64encode
    urlsafe_b64encode b64decode dedent cast""".split()
)

# Lines of a statement that holds a read.
LONGEST: Final = 20

# Names that a text is made of through others.
FURTHEST: Final = 5

# By these pydantic fills a model with a dict.
FILLING: Final = frozenset({"model_validate", "parse_obj"})

MISSING: Final = frozenset({"KeyError", "LookupError", "Exception"})

# Where it says so, a developer's own machine is meant.
OF_DEVELOPERS: Final = re.compile(
    r"\b(?:DEBUG|DEV\w*|LOCAL|TEST\w*|is_(?:dev\w*|debug|local|test\w*))\b|'(?:dev\w*|local|test\w*)'", re.IGNORECASE
)


class Substitute(NamedTuple):
    """What a name gets where the variable is missing, and where that stands. The default of the read itself has its place."""

    value: Expression
    scope: FunctionSymbol
    line: int
    column: int


def known_text(analysis: Analysis, expression: Expression | None, scope: FunctionSymbol, depth: int = FURTHEST) -> str | None:
    """The text that an expression is, or is made of in a way that anybody can repeat; None where that is not seen."""
    if expression is None or not depth:
        return None
    match expression:
        case ("string", str(text)) | ("constant", "bytes", str(text)):
            return text
        case ("operator", "", inner, ("constant", "int")):
            repeated = known_text(analysis, inner, scope, depth - 1)
            return f"{repeated} repeated" if repeated else None
        case ("formatted", parts) | ("operator", "+", *parts):
            found = [known_text(analysis, each, scope, depth - 1) for each in parts]
            return None if None in found else "".join(each for each in found if each)
        case ("call", int(index)):
            call = scope.facts.calls[index]
            if last_name(call.callee) not in MAKING:
                return None
            given = call.arguments[:1] or (call.callee[1:2] if call.callee[0] == "attribute" else ())
            if last_name(call.callee) in ("encode", "decode") and call.callee[0] == "attribute":
                given = call.callee[1:2]
            return known_text(analysis, given[0], scope, depth - 1) if given else None
        case ("attribute", ("name", "self" | "cls"), str(name)) if scope.owner is not None:
            return _of_class(analysis, scope.owner, name, depth)
        case ("name" | "attribute", *_):
            match analysis.program.evaluate(expression, scope):
                case VariableSymbol(scope=holder, name=name) if name not in holder.parameters:
                    match [(each.how, each.value) for each in holder.assigned.get(name, ())]:
                        case [("=" | "annotated", only)]:
                            return known_text(analysis, only, holder, depth - 1)
    return None


def _of_class(analysis: Analysis, kind: ClassSymbol, name: str, depth: int) -> str | None:
    """The default of a field, where nothing else is assigned to it."""
    for each in analysis.program.order(kind)[0]:
        if len(given := each.body.assigned.get(name, [])) == 1 and name not in each.set_on_self:
            return known_text(analysis, given[0].value, each.body, depth - 1)
    return None


def is_known_to_all(analysis: Analysis, expression: Expression | None, scope: FunctionSymbol) -> bool:
    """A text that everybody can read, and that is more than a placeholder."""
    text = known_text(analysis, expression, scope)
    return text is not None and HARMLESS.fullmatch(text) is None


def substitutes(access: Access) -> Iterator[Substitute]:
    """All that stands in for the variable of a read."""
    scope, facts = access.scope, access.scope.facts
    if access.default is not None:
        yield from (Substitute(each, scope, access.line, access.column) for each in _one_or_other(access.default))
    near = [each for line in lines_near(access) for each in scope.assignments_on.get(line, ())]
    for value in _values_near(access, near):
        yield from (Substitute(each, scope, access.line, access.column) for each in _alternatives(value, access))
    yield from _supplied_by_handler(access)
    kept = [each for each in near if each.how in ("=", "annotated") and is_read_in(each.value, access)]
    for target, value in {each.target: each.value for each in kept}.items():
        yield from filled_in(scope, target, access.line, access.variable, value)
        for each in facts.assignments:
            # `key = "x"`, and then `if "KEY" in os.environ: key = …` or `with suppress(KeyError): key = …`
            above = each.target == target and each.line < access.line and each.how in ("=", "annotated")
            if above and _is_conditional(scope, access) and not _reaches(facts.blocks, each.line, access.line):
                yield Substitute(each.value, scope, each.line, each.column)


def lines_near(access: Access) -> range:
    """A statement that begins there may hold the read: nobody asks every statement of a module of settings for each read."""
    return range(access.line - LONGEST, access.line + 1)


def _values_near(access: Access, near: list[Assignment]) -> Iterator[Expression]:
    yield from (each.value for each in near)
    yield from (each.value for each in access.scope.facts.returned if each.line in lines_near(access))
    for line in lines_near(access):
        for call in access.scope.calls_on.get(line, ()):
            if call.end_line >= access.line:
                yield from call.given


def filled_in(
    scope: FunctionSymbol, target: Expression, line: int, variable: str = "", value: Expression = NOTHING
) -> Iterator[Substitute]:
    """What a name gets, or a function gives, below a line where the name has nothing: `if not key: key = "x"`.

    `value`: what the name got there, which a test may hold as well: `if not (key := os.getenv("KEY")): key = "x"`.
    """
    facts = scope.facts
    asking = [
        each
        for each in facts.blocks
        if each.what in ("if", "else")
        and each.end_line >= line
        and (_asks_whether_missing(each.expressions, target, variable) or ("not", value) in each.expressions)
        and not any(each.line <= raised <= each.end_line for raised in facts.raises)
    ]
    for each in facts.assignments:
        below = each.target == target and each.line > line and each.how in ("=", "annotated")
        if below and any(block.line <= each.line <= block.end_line for block in asking):
            yield Substitute(each.value, scope, each.line, each.column)
        if each.target == target and each.value[0] == "choice" and each.value[1][0] == target:
            yield Substitute(each.value[1][-1], scope, each.line, each.column)
    for given in facts.returned:
        if given.value[0] == "choice" and target in given.value[1][:-1]:
            yield Substitute(given.value[1][-1], scope, given.line, given.column)
        elif given.line > line and any(block.what == "if" and block.line <= given.line <= block.end_line for block in asking):
            yield Substitute(given.value, scope, given.line, given.column)


def _asks_whether_missing(tests: tuple[Expression, ...], target: Expression, variable: str) -> bool:
    """A test is about the name, or about whether the variable is there, and about no developer's machine."""
    return any(_is_about(each, target, variable) for each in tests) and not OF_DEVELOPERS.search(str(tests))


def _is_about(test: Expression, target: Expression, variable: str) -> bool:
    match test:
        case ("not", inner):
            return _is_about(inner, target, variable)
        case ("choice", parts):
            return any(_is_about(each, target, variable) for each in parts)
        case ("compare", (("string", asked), _), ("In" | "NotIn",)):
            return bool(variable) and asked == variable
        case ("compare", (asked, ("none",) | ("string", "")), ("Is" | "IsNot" | "Eq" | "NotEq",)):
            return bool(asked == target)
    return test == target


def _alternatives(value: Expression, access: Access) -> Iterator[Expression]:
    """`"x"` of `os.getenv("A") or "x"`, and of `os.environ["A"] if "A" in os.environ else "x"`."""
    match value:
        case ("choice", parts) if any(is_read_in(each, access) for each in parts):
            yield from (one for each in parts if not is_read_in(each, access) for one in _one_or_other(each))
        case ("await" | "not", inner) | ("attribute" | "subscript", inner, _):
            yield from _alternatives(inner, access)
        case ("list" | "tuple" | "set", parts):
            for each in parts:
                yield from _alternatives(each, access)
        case ("dict", pairs):
            for _, each in pairs:
                yield from _alternatives(each, access)


def _one_or_other(value: Expression) -> tuple[Expression, ...]:
    """`"dev" if DEBUG else ""`: what stands there where no developer is, is the empty text. Of two texts, it is either."""
    match value:
        case ("choice", parts) if all(each[0] == "string" for each in parts):
            empty = tuple(each for each in parts if not each[1])
            return empty or tuple(parts)
    return (value,)


def is_read_in(value: Expression, access: Access) -> bool:
    """A read stands in an expression, also within what is called there."""
    scope = access.scope
    for each in within(value, scope):
        if each[0] == "call":
            call = scope.facts.calls[each[1]]
            if (call.line, call.column) == (access.line, access.column):
                return True
        elif each[0] == "subscript" and each[1] == access.mention.expression and each[2] == ("string", access.variable):
            return True
    return False


def _supplied_by_handler(access: Access) -> Iterator[Substitute]:
    """Where the handler of a missing variable supplies something: `except KeyError: return "x"`."""
    scope, facts = access.scope, access.scope.facts
    around = [each for each in facts.blocks if each.what == "try" and each.line <= access.line <= each.end_line]
    if not around:
        return
    innermost = max(around, key=lambda each: each.line)
    handlers = [each for each in facts.blocks if each.what == "handler" and each.line > innermost.end_line]
    if not handlers or not MISSING & {last_name(each) for each in innermost.expressions}:
        return
    first = min(handlers, key=lambda each: each.line)
    gets = {each.target for each in facts.assignments if each.line == access.line}
    for given in facts.assignments:
        if first.line <= given.line <= first.end_line and given.target in gets:
            yield Substitute(given.value, scope, given.line, given.column)
    if any(each.line == access.line for each in facts.returned):
        for returned in facts.returned:
            if first.line <= returned.line <= first.end_line and returned.value != NOTHING:
                yield Substitute(returned.value, scope, returned.line, returned.column)


def _is_conditional(scope: FunctionSymbol, access: Access) -> bool:
    """The read is made only where the variable is there, or its failure is looked past."""
    inside = (each for each in scope.facts.blocks if each.line <= access.line <= each.end_line)
    for each in inside:
        if each.what == "if" and any(_is_about(test, NOTHING, access.variable) for test in each.expressions):
            return True
        if each.what == "with" and any(_suppresses(one, scope) for one in each.expressions):
            return True
    return False


def _suppresses(entered: Expression, scope: FunctionSymbol) -> bool:
    if entered[0] != "call":
        return False
    call = scope.facts.calls[entered[1]]
    return last_name(call.callee) == "suppress" and any(last_name(each) in MISSING for each in call.arguments)


def _reaches(blocks: tuple[Block, ...], line: int, other: int) -> bool:
    """A line stands in a block of its own that another line is not in."""
    return any(each.line <= line <= each.end_line and not each.line <= other <= each.end_line for each in blocks)


def fields_filled_in(kind: ClassSymbol) -> Iterator[tuple[str, Substitute]]:
    """What the methods of a class that look at its fields put into one that is empty, with the name of the field."""
    for methods in kind.methods.values():
        for method in methods:
            for each in dict.fromkeys(one.target for one in method.facts.assignments):
                match each:
                    case ("attribute", ("name", "self" | "values" | "data"), str(name)) if name in kind.body.assigned:
                        yield from ((name, one) for one in filled_in(method, each, method.facts.line))
            for name in _fields_looked_at(method):
                value = next((("name", one.name) for one in method.facts.parameters[1:2]), None)
                if value is not None and name in kind.body.assigned:
                    yield from ((name, one) for one in filled_in(method, value, method.facts.line))


def filled_from_all(analysis: Analysis) -> frozenset[ClassSymbol]:
    """The classes, of fields with defaults, that a module fills with what it has chosen out of all variables.

    Config.model_validate({name: value for name, value in os.environ.items() if name.startswith("APP_")})
    """
    taking = {each.module for each in analysis.once(accesses) if each.touch is Touch.WHOLE and not each.module.in_tests}
    kinds = {kind for module in taking for kind in module.classes if any(map(_has_a_default, kind.body.facts.assignments))}
    found = set()
    for scope, _, call in analysis.calls_of(*{each.name for each in kinds}, *FILLING):
        made = call.callee[1] if last_name(call.callee) in FILLING and call.callee[0] == "attribute" else call.callee
        kind = analysis.program.evaluate(made, scope) if scope.module in taking else None
        if isinstance(kind, ClassSymbol) and kind in kinds and kind.module is scope.module:
            given = call.arguments[:1] if made is not call.callee else [value for name, value in call.keywords if name == "**"]
            if any(_takes_all(analysis, each, call, scope) for each in given):
                found.add(kind)
    return frozenset(found)


def _has_a_default(field: Assignment) -> bool:
    return field.annotation is not None and field.how != "declared"


def _takes_all(analysis: Analysis, value: Expression, filling: CallSite, scope: FunctionSymbol) -> bool:
    """All variables stand in what a call is given, in what the name in it got, or in the function that makes it."""
    whole = [each for each in analysis.once(accesses) if each.touch is Touch.WHOLE]
    given = scope.assigned.get(value[1], []) if value[0] == "name" else []
    lines = {each.line for each in given} or {*range(filling.line, filling.end_line + 1)}
    if any(each.scope is scope and each.line in lines for each in whole):
        return True
    calls = [part for each in (value, *(one.value for one in given)) for part in within(each, scope) if part[0] == "call"]
    made = [analysis.program.evaluate(scope.facts.calls[part[1]].callee, scope) for part in calls]
    return any(each.scope in made for each in whole)


def _fields_looked_at(method: FunctionSymbol) -> Iterator[str]:
    """`"secret"` of `@field_validator("secret")`."""
    for each in method.facts.decorators:
        if last_name(each.callee) in ("field_validator", "validator"):
            yield from (given[1] for given in each.arguments if given[0] == "string")


def is_asked(access: Access) -> bool:
    """It is asked where it stands, and not handed to somebody who asks."""
    return access.mention.where[0] in ("subscript", "compare") or call_of(access.scope, access.mention) is not None


def of_body(scope: FunctionSymbol) -> ClassSymbol | None:
    """The class of whose body a scope is the code."""
    return scope.module.of_class(scope.facts.owner) if scope.facts.sort == BODY else None
