"""Which variable a touch of the environment is about: the text that stands there, or that a name has got which does."""

from collections.abc import Iterator
from itertools import pairwise

from netra.guard.analysis import Analysis
from netra.guard.facts import BODY, TOP, CallSite, Expression, Mention, last_name
from netra.guard.meaning.expressions import comparisons, within
from netra.guard.symbols import ClassSymbol, FunctionSymbol, VariableSymbol

# Methods of a set that hold it against another.
COMPARING = frozenset("intersection isdisjoint issubset issuperset difference union".split())


def call_of(scope: FunctionSymbol, mention: Mention) -> CallSite | None:
    """The call that a mention begins: `os.getenv(…)`, `os.environ.get(…)`."""
    if mention.where[0] not in ("called", "attribute"):
        return None
    for call in scope.calls_on.get(mention.line, ()):
        if call.column == mention.column:
            callee = call.callee
            if callee == mention.expression or (callee[0] == "attribute" and callee[1] == mention.expression):
                return call
    return None


def named(analysis: Analysis, scope: FunctionSymbol, call: CallSite) -> tuple[str, Expression | None]:
    """What a call is about, and what replaces it where it is missing."""
    keywords = dict(call.keywords)
    key = call.arguments[0] if call.arguments else keywords.get("key", keywords.get("varname"))
    default = call.arguments[1] if len(call.arguments) > 1 else keywords.get("default")
    if last_name(call.callee) == "update":
        given = call.arguments[0] if call.arguments else None
        return next((name for name, _ in call.keywords if name != "**"), "") or _first_key(analysis, given, scope), None
    if key is None:
        return "", default
    return text_of(analysis, key, scope) or _given_in_the_same_place(analysis, key, scope), default


def several(analysis: Analysis, scope: FunctionSymbol, mention: Mention) -> list[str]:
    """The names of a list that is gone over: `[os.getenv(name) for name in NAMES]`, `map(os.getenv, NAMES)`."""
    keys: list[Expression] = []
    if (given := _given_behind(analysis, scope, mention)) is not None:
        return [given]
    match mention.where:
        case ("argument" | "attribute", *_) if (mapped := _mapping(scope, mention)) is not None:
            return _texts(analysis, mapped, scope)
        case ("subscript",):
            for value in _values_around(scope, mention):
                keys += [each[2] for each in _subscripts(value) if each[1] == mention.expression]
        case _ if (call := call_of(scope, mention)) is not None:
            keys += call.arguments[:1]
    found: list[str] = []
    for key in keys:
        over = (
            [each.value for each in scope.facts.assignments if each.target == key and each.how == "for"]
            if key[0] == "name"
            else []
        )
        found += [text for each in over[:1] for text in _texts(analysis, each, scope)]
    return found


def beside(analysis: Analysis, scope: FunctionSymbol, mention: Mention) -> list[str]:
    """The names that are held against all names there are: `os.environ.keys() & {"A", "B"}`, `{"A"}.issubset(os.environ)`."""
    tests = [test for each in scope.facts.blocks if each.head == mention.line for test in each.expressions]
    for value in (*_values_around(scope, mention), *tests):
        for part in within(value, scope):
            match part:
                case ("operator", _, *sides) | ("compare", sides, _) if len(sides) == 2:
                    if sides[0][0] == "string" and _is_all(sides[1], scope, mention):
                        return [str(sides[0][1])]  # `"A" in os.environ.keys()`
                case ("call", int(index)) if last_name(scope.facts.calls[index].callee) in COMPARING:
                    call = scope.facts.calls[index]
                    sides = [*call.callee[1:2], *call.arguments[:1]]
                case _:
                    continue
            for one, other in (sides, tuple(reversed(sides))) if len(sides) == 2 else ():
                if _is_all(one, scope, mention) and (names := [each for each in _texts(analysis, other, scope) if each]):
                    return names
    return []


def _is_all(value: Expression, scope: FunctionSymbol, mention: Mention) -> bool:
    """All names: the environment, its `keys()`, a set of it."""
    if value[0] != "call":
        return value == mention.expression
    call = scope.facts.calls[value[1]]
    if call.callee[0] == "attribute" and call.callee[1] == mention.expression:
        return bool(call.callee[2] == "keys")
    return last_name(call.callee) in ("set", "frozenset", "list", "sorted") and mention.expression in call.arguments


def _given_behind(analysis: Analysis, scope: FunctionSymbol, mention: Mention) -> str | None:
    """`APP_KEY` of `partial(os.getenv, "APP_KEY")`, `to_thread(os.environ.get, "APP_KEY")`: what it will be asked for."""
    for call in scope.facts.calls:
        if call.line <= mention.line <= call.end_line:
            for way, key in pairwise(call.arguments):
                if way == mention.expression or way[:2] == ("attribute", mention.expression):
                    return text_of(analysis, key, scope) or None
    return None


def _mapping(scope: FunctionSymbol, mention: Mention) -> Expression | None:
    """`NAMES` of `map(os.getenv, NAMES)`."""
    for call in scope.facts.calls:
        if call.callee == ("name", "map") and len(call.arguments) == 2 and call.line <= mention.line <= call.end_line:
            way, names = call.arguments
            if way == mention.expression or way[:2] == ("attribute", mention.expression):
                return names
    return None


def _subscripts(expression: Expression) -> Iterator[Expression]:
    match expression:
        case ("subscript", *_):
            yield expression
        case ("comprehension", _, inner) | ("await" | "not", inner):
            yield from _subscripts(inner)
        case ("choice" | "formatted", parts):
            for part in parts:
                yield from _subscripts(part)


def _texts(analysis: Analysis, expression: Expression, scope: FunctionSymbol) -> list[str]:
    """The texts of a list that is written down, or of the name that has got it and nothing else."""
    match expression:
        case ("list" | "tuple" | "set", parts):
            return [text_of(analysis, part, scope) for part in parts]
        case ("name" | "attribute", *_):
            match analysis.program.evaluate(expression, scope):
                case VariableSymbol(scope=holder, name=name):
                    match [each.value for each in holder.assigned.get(name, ())]:
                        case [("list" | "tuple" | "set", _) as only]:
                            return _texts(analysis, only, holder)
    return []


def _first_key(analysis: Analysis, given: Expression | None, scope: FunctionSymbol) -> str:
    """`A` of `{"A": …, "B": …}`, of `dict(A=…)`, of their `items()`, and of a name that has got one of them only."""
    match given:
        case ("dict", pairs):
            return next((text for key, _ in pairs if (text := text_of(analysis, key, scope))), "")
        case ("call", int(index)):
            call = scope.facts.calls[index]
            if call.callee == ("name", "dict"):
                return next((name for name, _ in call.keywords if name != "**"), "")
            return _first_key(analysis, call.callee[1], scope) if last_name(call.callee) == "items" else ""
        case ("name" | "attribute", *_):
            match analysis.program.evaluate(given, scope):
                case VariableSymbol(scope=holder, name=name) if name not in holder.parameters:
                    match [each.value for each in holder.assigned.get(name, ()) if each.how in ("=", "annotated")]:
                        case [("dict" | "call", *_) as only]:
                            return _first_key(analysis, only, holder)
    return ""


def _given_in_the_same_place(analysis: Analysis, key: Expression, scope: FunctionSymbol) -> str:
    """The one text by which a function that stands in another is asked: `read("LIMIT")` of `def read(name)`."""
    around = scope.parent
    if around is None or around.facts.sort in (BODY, TOP) or key[0] != "name":
        return ""
    names = [each.name for each in scope.facts.parameters]
    if key[1] not in names:
        return ""
    number, asked = names.index(key[1]), set()
    for call in around.facts.calls:
        if call.callee == ("name", scope.name):
            asked.add(call.arguments[number] if number < len(call.arguments) else dict(call.keywords).get(key[1]))
    only = asked.pop() if len(asked) == 1 else None
    return "" if only is None else text_of(analysis, only, around)


def stored(analysis: Analysis, scope: FunctionSymbol, mention: Mention) -> str:
    """`NAME` of `os.environ[NAME] = value`, of `os.environ |= {NAME: value}`, and of names that are gone over."""
    for each in scope.facts.assignments:
        if each.line != mention.line:
            continue
        match each.target:
            case ("subscript", inner, key) if inner == mention.expression:
                return text_of(analysis, key, scope) or _gone_over(analysis, key, scope)
            case target if target == mention.expression and each.how == "augmented":
                return _first_key(analysis, each.value, scope)
    return ""


def _gone_over(analysis: Analysis, key: Expression, scope: FunctionSymbol) -> str:
    """`A` of `for key in ("A", "B")`, and of `for key, value in {"A": …}.items()`."""
    for each in scope.facts.assignments if key[0] == "name" else ():
        if each.target == key and each.how in ("for", "unpack"):
            names = _texts(analysis, each.value, scope) if each.how == "for" else []
            return next((name for name in names if name), "") or _first_key(analysis, each.value, scope)
    return ""


def patched(analysis: Analysis, scope: FunctionSymbol, call: CallSite) -> str:
    """`KEY` of `patch.dict(os.environ, KEY=key)` and of `patch.dict(os.environ, {"KEY": key})`."""
    given = next((value for name, value in call.keywords if name == "values"), None)
    given = call.arguments[1] if len(call.arguments) > 1 else given
    names = (name for name, _ in call.keywords if name not in ("**", "in_dict", "values", "clear"))
    return next(names, "") or _first_key(analysis, given, scope)


def asked_for(analysis: Analysis, scope: FunctionSymbol, mention: Mention) -> str:
    """`NAME` of `os.environ[NAME]`, wherever in what is assigned, given or returned on that line it stands."""
    for value in _values_around(scope, mention):
        match value:
            case ("subscript", inner, key) if inner == mention.expression:
                return text_of(analysis, key, scope)
    return ""


def looked_for(analysis: Analysis, scope: FunctionSymbol, mention: Mention) -> str:
    """`NAME` of `NAME in os.environ`, in a value or a test on that line."""
    tests = (test for each in scope.facts.blocks if each.head == mention.line for test in each.expressions)
    for value in (*_values_around(scope, mention), *tests):
        for parts, operators in comparisons(value):
            if parts[1:] == (mention.expression,) and operators[0] in ("In", "NotIn"):
                return text_of(analysis, parts[0], scope)
    return ""


def _values_around(scope: FunctionSymbol, mention: Mention) -> list[Expression]:
    """What is assigned, returned or given to a call on the line of a mention."""
    values = [each.value for each in scope.facts.assignments if each.line == mention.line]
    values += [each.value for each in scope.facts.returned if each.line == mention.line]
    for call in scope.facts.calls:
        if call.line <= mention.line <= call.end_line:
            values += call.given
    return values


def text_of(analysis: Analysis, expression: Expression, scope: FunctionSymbol) -> str:
    """A text, written there, held by a name that is assigned once, or put together of such."""
    match expression:
        case ("formatted", parts) | ("operator", "+", *parts):
            found = [text_of(analysis, part, scope) for part in parts]
            return "".join(found) if all(found) else ""
        case ("string", str(text)) | ("constant", "bytes", str(text)):
            return text
        case ("attribute", inner, "value") if text := text_of(analysis, inner, scope):
            return text  # of a member of an enumeration
        case ("attribute", inner, str(name)) if isinstance(kind := analysis.program.evaluate(inner, scope), ClassSymbol):
            match [each.value for each in kind.body.assigned.get(name, ())]:
                case [("string", str(text))]:
                    return text
        case ("name" | "attribute", *_):
            match analysis.program.evaluate(expression, scope):
                case VariableSymbol(scope=holder, name=name):
                    match [(each.how, each.value) for each in holder.assigned.get(name, ())]:
                        case [("=" | "annotated", ("string", str(text)))]:
                            return text
    return ""
