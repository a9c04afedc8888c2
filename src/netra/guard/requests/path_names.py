"""The names that a route's path gives to its handler, and those that the handler takes, dependencies included.

@app.get("/users/{user_id}")                  FastAPI: by the name of a parameter, or by its alias
@app.route("/users/<int:user_id>")            Flask: every name of the path, as a keyword
"""

import re
from collections.abc import Iterator
from typing import Final, NamedTuple

from netra.guard.analysis import Analysis
from netra.guard.entries.sorts import VERBS
from netra.guard.facts import TOP, CallSite, Decorator, Expression, Parameter, last_name
from netra.guard.meaning.makers import made_by
from netra.guard.symbols import ClassSymbol, External, FunctionSymbol, VariableSymbol

FASTAPI: Final = "fastapi"
FLASK: Final = "flask"
ROUTERS: Final = {
    "fastapi.FastAPI": FASTAPI,
    "fastapi.APIRouter": FASTAPI,
    "fastapi.routing.APIRouter": FASTAPI,
    "fastapi.applications.FastAPI": FASTAPI,
    "flask.Flask": FLASK,
    "flask.Blueprint": FLASK,
    "quart.Quart": FLASK,
    "quart.Blueprint": FLASK,
}
IN_BRACES: Final = re.compile(r"\{(\w+)(?::\w+)?\}")
IN_ANGLES: Final = re.compile(r"<(?:\w+(?:\([^)]*\))?:)?(\w+)>")
DEPENDING: Final = frozenset({"Depends", "Security"})
# Who has the whole request can read the names of the path out of it.
WHOLE: Final = frozenset("Request HTTPConnection WebSocket Scope".split())
SIMPLE: Final = frozenset("str int float bool UUID".split())
# Packages whose types hold no dependency.
PLAIN: Final = frozenset("builtins typing uuid datetime decimal enum fastapi starlette".split())
# How deep dependencies are followed.
DEEPEST: Final = 6


class PathName(NamedTuple):
    """A path of a handler, with a name in it that nothing takes, or that the handler wants and no path gives."""

    handler: FunctionSymbol
    decorator: Decorator
    library: str
    name: str
    asked: str
    """A parameter that the handler wants from the query instead; empty for none."""


class _Taken(NamedTuple):
    names: set[str]
    whole: bool
    """The request itself is asked for."""


def untaken_names(analysis: Analysis) -> Iterator[PathName]:
    """Every name in the path of a route that its handler does not take."""
    reads_path = analysis.once(_reads_path)
    preprocessed = bool(analysis.calls_of("url_value_preprocessor")) or "url_value_preprocessor" in _decorating(analysis)
    for module in analysis.modules:
        if module.in_tests:
            continue
        for function in module.functions:
            if not function.facts.decorators or function.parent is None or function.owner is not None:
                continue
            routes = list(_routes(analysis, function))
            if not routes or len(routes) < len(function.facts.decorators):
                continue  # what another decorator takes, or asks for, is not known
            if any(each.position == "keywords" for each in function.facts.parameters):
                continue
            for decorator, library, path in routes:
                if library == FLASK:
                    yield from () if preprocessed else _of_flask(function, decorator, path)
                else:
                    yield from _of_fastapi(analysis, function, decorator, path, reads_path=reads_path)


def _decorating(analysis: Analysis) -> frozenset[str]:
    return frozenset(name for module in analysis.modules for name in module.decorator_names)


def _reads_path(analysis: Analysis) -> bool:
    """Somewhere the names of a path are read out of a request."""
    for scope in analysis.scopes:
        if any(read.expression[-1] in ("path_params", "scope") for read in scope.facts.reads):
            return True
        if any("path_params" in (part[2] for part in _parts(call.callee)) for call in scope.facts.calls):
            return True
    return False


def _parts(expression: Expression) -> Iterator[Expression]:
    while expression[0] == "attribute":
        yield expression
        expression = expression[1]


def _routes(analysis: Analysis, function: FunctionSymbol) -> Iterator[tuple[Decorator, str, str]]:
    around = function.parent
    if around is None:
        return
    for each in function.facts.decorators:
        match each.callee, each.arguments[:1]:
            case ("attribute", router, str(verb)), (("string", str(path)),) if each.called and (
                verb in VERBS or verb in ("route", "api_route")
            ):
                library = ROUTERS.get(made_by(router, around, analysis.program) or "")
                if library is not None and (verb != "route" or library == FLASK):
                    yield each, library, path


def _of_flask(function: FunctionSymbol, decorator: Decorator, path: str) -> Iterator[PathName]:
    taken = {each.name for each in function.facts.parameters if each.position in ("positional", "keyword")}
    for name in dict.fromkeys(IN_ANGLES.findall(path)):
        if name not in taken:
            yield PathName(function, decorator, FLASK, name, "")


def _of_fastapi(
    analysis: Analysis, function: FunctionSymbol, decorator: Decorator, path: str, *, reads_path: bool
) -> Iterator[PathName]:
    names = dict.fromkeys(IN_BRACES.findall(path))
    if not names or names.keys() <= function.parameters.keys():
        return
    around = function.parent
    if around is None:
        return
    found = _Taken(set(), whole=False)
    known = _take(analysis, function, found, 0)
    for value in _listed(decorator.keywords) if known else ():
        known = known and _depend(analysis, value, around, found, 0)
    for scope, _, call in analysis.calls_of("APIRouter", "FastAPI", "include_router", "Depends", "Security") if known else ():
        if call.callee[-1] in DEPENDING:
            # One that stands in `dependencies=[…]` of a router: whichever router, it may take the name.
            if _is_of_router(call, scope):
                known = known and _depends_on(analysis, call, scope, found, 0)
        elif (given := dict(call.keywords).get("dependencies")) is not None and given[0] != "list":
            known = False
    if not known or (reads_path and any(_is_whole(each) for each in function.facts.parameters)):
        return
    for name in names:
        if name not in found.names:
            yield PathName(function, decorator, FASTAPI, name, _asked(function, names, around))


def _is_of_router(call: CallSite, scope: FunctionSymbol) -> bool:
    match call.where:
        case ("element", ("argument", int(index), "dependencies")):
            return last_name(scope.facts.calls[index].callee) in ("APIRouter", "FastAPI", "include_router")
    return False


def _asked(function: FunctionSymbol, names: dict[str, None], around: FunctionSymbol) -> str:
    """A parameter without a default and of a plain type, which becomes one of the query."""
    for each in function.facts.parameters:
        sort = None if each.annotation is None or each.default is not None else last_name(each.annotation)
        if each.name not in names and sort in SIMPLE and not around.assigned.get(sort):
            return each.name
    return ""


def _is_whole(parameter: Parameter) -> bool:
    return parameter.annotation is None or last_name(parameter.annotation) in WHOLE


def _listed(keywords: tuple[tuple[str, Expression], ...]) -> list[Expression]:
    given = dict(keywords).get("dependencies", ("list", ()))
    return list(given[1]) if given[0] in ("list", "tuple") else [given]


def _take(analysis: Analysis, function: FunctionSymbol, found: _Taken, depth: int, skip: int = 0) -> bool:
    """Add what a function that FastAPI calls takes; False where that is not known."""
    around = function.parent
    if around is None or depth > DEEPEST or function.module.library:
        return False
    for each in function.facts.parameters[skip:]:
        if each.position in ("arguments", "keywords"):
            return False
        if each.default is not None and each.default[0] == "call":
            call = around.facts.calls[each.default[1]]
            if not _marked(analysis, call, each, around, found, depth):
                return False
            continue
        if each.annotation is not None and not _annotated(analysis, each.annotation, each, around, found, depth):
            return False
        found.names.add(each.name)
    return True


def _marked(
    analysis: Analysis, call: CallSite, parameter: Parameter, around: FunctionSymbol, found: _Taken, depth: int
) -> bool:
    """`Depends(…)`, `Path(alias="id")`, or another default that is called."""
    if last_name(call.callee) in DEPENDING:
        if not call.arguments and not call.keywords and parameter.annotation is not None:
            bare = parameter.annotation
            if bare[0] == "subscript" and last_name(bare[1]) == "Annotated" and bare[2][0] == "tuple":
                bare = bare[2][1][0]
            return _followed(analysis, bare, around, found, depth)
        return _depends_on(analysis, call, around, found, depth)
    alias = dict(call.keywords).get("alias") or dict(call.keywords).get("validation_alias")
    if "**" in [name for name, _ in call.keywords]:
        return False
    if alias is not None:
        if alias[0] != "string":
            return False
        found.names.add(alias[1])
        return True
    found.names.add(parameter.name)
    return True


def _annotated(
    analysis: Analysis, annotation: Expression, parameter: Parameter, around: FunctionSymbol, found: _Taken, depth: int
) -> bool:
    """What an annotation says beside the type: `Annotated[User, Depends(current_user)]`, also by the name of an alias."""
    match annotation:
        case ("subscript", head, ("tuple", parts)) if last_name(head) == "Annotated":
            for part in parts[1:]:
                if part[0] == "call" and not _marked(analysis, around.facts.calls[part[1]], parameter, around, found, depth):
                    return False
                if part[0] in ("name", "attribute", "other"):
                    return False
            return _annotated(analysis, parts[0], parameter, around, found, depth)
        case ("subscript", _, _) | ("operator", _, _, _) | ("none",) | ("constant", *_):
            return True
        case ("string", *_):
            return False
        case ("name" | "attribute", *_):
            match analysis.program.evaluate(annotation, around):
                case ClassSymbol():
                    return True
                case VariableSymbol(scope=home, name=name):
                    given = home.assigned.get(name, [])
                    if len(given) != 1 or home.facts.sort != TOP:
                        return False
                    return _annotated(analysis, given[0].value, parameter, home, found, depth)
                case External(dotted=dotted):
                    return dotted.partition(".")[0] in PLAIN
    return False


def _depend(analysis: Analysis, value: Expression, scope: FunctionSymbol, found: _Taken, depth: int) -> bool:
    if value[0] != "call":
        return False
    call = scope.facts.calls[value[1]]
    return last_name(call.callee) in DEPENDING and _depends_on(analysis, call, scope, found, depth)


def _depends_on(analysis: Analysis, call: CallSite, scope: FunctionSymbol, found: _Taken, depth: int) -> bool:
    given = call.arguments[0] if call.arguments else dict(call.keywords).get("dependency")
    return given is not None and _followed(analysis, given, scope, found, depth + 1)


def _followed(analysis: Analysis, given: Expression, scope: FunctionSymbol, found: _Taken, depth: int) -> bool:
    """Add what a dependency takes."""
    called = given[0] == "call"
    target = scope.facts.calls[given[1]].callee if called else given
    symbol = analysis.program.evaluate(target, scope)
    if isinstance(symbol, VariableSymbol) and not called:
        value = symbol.scope.assigned.get(symbol.name, [])
        if len(value) == 1 and value[0].value[0] == "call" and depth <= DEEPEST:
            return _followed(analysis, value[0].value, symbol.scope, found, depth + 1)
        return False
    match symbol:
        case FunctionSymbol(module=module) as function if not module.library:
            if not called:
                return function.facts.decorators == () and _take(analysis, function, found, depth, _own(function))
            inner = [each for each in function.children if each.name != ""]
            return bool(inner) and all(_take(analysis, each, found, depth) for each in inner)
        case ClassSymbol() as kind:
            return _of_class(analysis, kind, found, depth, called=called)
        case External(dotted=dotted):
            return dotted.startswith("fastapi.security")
    return False


def _own(function: FunctionSymbol) -> int:
    return 1 if function.owner is not None and "staticmethod" not in function.decorator_names else 0


def _of_class(analysis: Analysis, kind: ClassSymbol, found: _Taken, depth: int, *, called: bool) -> bool:
    order, closed = analysis.program.order(kind)
    if kind.module.library:
        return kind.module.name.startswith("fastapi.security")
    if called:
        method = next((each.methods["__call__"][-1] for each in order if "__call__" in each.methods), None)
        return method is not None and _take(analysis, method, found, depth, 1)
    method = next((each.methods["__init__"][-1] for each in order if "__init__" in each.methods), None)
    if method is not None and not method.module.library:
        return _take(analysis, method, found, depth, 1)
    for each in order:
        found.names.update(each.body.assigned)
    return closed or all(last_name(base) in ("BaseModel", "object") for each in order for base in each.facts.bases)
