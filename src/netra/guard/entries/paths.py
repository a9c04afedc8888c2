"""Paths of routes: what a program writes of them, and where its routers hang.

A path is a tuple of segments without empty ones; `ANY` stands for a segment that is a parameter or is not known, `REST` for
everything that may follow.
"""

import re
from collections import defaultdict
from collections.abc import Iterator
from typing import Final, TypeAlias

from netra.guard.facts import CallSite, Decorator, Expression
from netra.guard.lazily import lazily
from netra.guard.program import Program
from netra.guard.symbols import FunctionSymbol, VariableSymbol

ANY: Final = "{}"
REST: Final = "{…}"

Path: TypeAlias = tuple[str, ...]

INCLUDING: Final = frozenset("include_router register_blueprint mount blueprint add_subapp add_routes".split())
# Of these a prefix stands in the place of the one that the blueprint has of itself; so it does where an application is mounted.
REPLACING: Final = frozenset({"register_blueprint", "blueprint"})
# Of these the prefix stands first, and what is included behind it.
PREFIX_FIRST: Final = frozenset({"mount", "add_subapp"})
ROOT: Final = "root_path"
PREFIXES: Final = frozenset({"prefix", "url_prefix", ROOT})

# `{user_id}`, `{path:path}` and `<int:user_id>`.
PARAMETER: Final = re.compile(r"\{[^{}]*\}|<[^<>]*>")
TAKES_ALL: Final = re.compile(r"\{[^{}]*:path\}|<path:[^<>]*>|\{[^{}]*:\.[*+]\}")

# A router that includes itself, by a mistake of ours or of the program's, ends here.
DEEPEST: Final = 6

_Home: TypeAlias = tuple[FunctionSymbol, str]


class Prefixes:
    """Where the routers of a program hang."""

    def __init__(self, program: Program) -> None:
        self._program = program
        self._replaced: set[tuple[_Home, Path, FunctionSymbol]] = set()
        """Where a blueprint is registered with a prefix, which stands in the place of its own."""

    def of(self, router: Expression, scope: FunctionSymbol, depth: int = 0) -> tuple[Path, ...]:
        """What stands before the paths of a router: its own prefix, after those of the routers that include it."""
        home = self._home(router, scope)
        if home is None:
            return ((),)
        own = self._own_prefix(home)
        above: list[Path] = []
        if depth < DEEPEST:
            for includer, prefix, where in self._included.get(home, ()):
                of_own = () if (home, prefix, where) in self._replaced else own
                above += [(*before, *prefix, *of_own) for before in self.of(includer, where, depth + 1)]
        return tuple(dict.fromkeys(above or [own]))

    def _home(self, router: Expression, scope: FunctionSymbol) -> _Home | None:
        """The variable that holds a router, whatever it is called here; one of an object is known by its class."""
        match router:
            case ("name", str(name)):
                match self._program.lookup(name, scope):
                    case VariableSymbol(scope=where, name=known):
                        return where, known
            case ("attribute", ("name", "self" | "cls"), str(name)):
                owner = scope.owner
                return None if owner is None else (owner.body, name)
            case ("attribute", *_):
                match self._program.evaluate(router, scope):
                    case VariableSymbol(scope=where, name=known):
                        return where, known
                    case None if router[2] == "router":
                        return self._home(router[1], scope)  # `app.router.add_get(…)`
        return None

    def _own_prefix(self, home: "_Home") -> Path:
        where, name = home
        assignments = [(where, each) for each in where.assigned.get(name, ())]
        if where.facts.sort == "body":
            owner = next((each for each in where.module.classes if each.facts.body == where.facts.number), None)
            assignments += [] if owner is None else owner.set_on_self.get(name, ())
        for scope, each in assignments:
            match each.value:
                case ("call", int(index)):
                    for key, value in scope.facts.calls[index].keywords:
                        if key in PREFIXES:
                            return path_of(value, scope, self._program) or ()
        return ()

    @staticmethod
    def _says_root(home: "_Home") -> bool:
        """`FastAPI(root_path="/api")`: an application that is mounted says itself where that is."""
        where, name = home
        made = [each.value[1] for each in where.assigned.get(name, ()) if each.value[0] == "call"]
        return any(ROOT in dict(where.facts.calls[each].keywords) for each in made)

    @lazily
    def _included(self) -> dict[_Home, list[tuple[Expression, Path, FunctionSymbol]]]:
        """Of each router: what includes it, under which prefix, and where that is written."""
        found: dict[_Home, list[tuple[Expression, Path, FunctionSymbol]]] = defaultdict(list)
        for name in sorted(INCLUDING):
            for scope, index in self._program.calls_named.get(name, ()):
                call = scope.facts.calls[index]
                if scope.module.in_tests or call.callee[0] != "attribute":
                    continue
                if name in PREFIX_FIRST:
                    given, prefix = given_to(call, 1, "app", "subapp"), given_to(call, 0, "path", "prefix")
                else:
                    given = given_to(call, 0, "router", "blueprint")
                    prefix = next((value for key, value in call.keywords if key in PREFIXES), None)
                before = () if prefix is None else path_of(prefix, scope, self._program) or ()
                if given is not None and given[0] == "call":
                    for router, above, where in self._grouped(given, scope):
                        if (home := self._home(router, where)) is not None:
                            found[home].append((call.callee[1], (*before, *above), scope))
                for router, where in () if given is None else self._each_of(given, scope):
                    if (home := self._home(router, where)) is not None:
                        found[home].append((call.callee[1], before, scope))
                        if prefix is not None and (name in REPLACING or (name in PREFIX_FIRST and self._says_root(home))):
                            self._replaced.add((home, before, scope))
        return found

    def _grouped(self, given: Expression, scope: FunctionSymbol) -> Iterator[tuple[Expression, Path, FunctionSymbol]]:
        """Each blueprint of `Blueprint.group(users, teams, url_prefix="/api")` of Sanic, with what stands before it."""
        call = scope.facts.calls[given[1]]
        if call.callee[0] != "attribute" or call.callee[2] != "group":
            return
        prefix = next((value for key, value in call.keywords if key in PREFIXES), None)
        above = () if prefix is None else path_of(prefix, scope, self._program) or ()
        for each in call.arguments:
            group = each
            if each[0] == "name" and (kept := scope.assigned.get(each[1])) and len(kept) == 1:
                group = kept[0].value
            inside = list(self._grouped(group, scope)) if group[0] == "call" else []
            yield from ((router, (*above, *more), where) for router, more, where in inside)
            if not inside:
                yield each, above, scope

    def _each_of(self, router: Expression, scope: FunctionSymbol) -> Iterator[tuple[Expression, FunctionSymbol]]:
        """The router, or those that a loop takes out of a list that is written down."""
        yield router, scope
        if router[0] in ("list", "tuple"):
            yield from ((each, scope) for each in router[1])
        if router[0] != "name":
            return
        for each in scope.assigned.get(router[1], ()):
            if each.how != "for":
                continue
            listed, where = each.value, scope
            if listed[0] == "name":
                match self._program.lookup(listed[1], scope):
                    case VariableSymbol(scope=where, name=name) if len(where.assigned.get(name, ())) == 1:
                        listed = where.assigned[name][0].value
            if listed[0] in ("list", "tuple"):
                yield from ((one, where) for one in listed[1])


def path_of(expression: Expression, scope: FunctionSymbol, program: Program) -> Path | None:
    """The path that an expression writes, whatever is not known of it left as a parameter; None where nothing is known."""
    text = template(expression, scope, program)
    return None if text is None else segments(text)


def segments(text: str) -> Path:
    """`/users/{id}/files/` as its segments."""
    marked = PARAMETER.sub(ANY, TAKES_ALL.sub(REST, text).replace(REST, "\0")).replace("\0", REST)
    found: list[str] = []
    for each in marked.split("/"):
        if each == REST:
            return (*found, REST)
        if each:
            found.append(ANY if ANY in each else each)
    return tuple(found)


def template(expression: Expression, scope: FunctionSymbol, program: Program, depth: int = 0) -> str | None:
    """The text that an expression makes, with `{}` for each part that is not known; None where no part is."""
    match expression:
        case ("string", str(text)):
            return text
        case ("formatted", parts):
            known = [template(each, scope, program, depth + 1) for each in parts]
            return None if all(each is None for each in known) else "".join(ANY if each is None else each for each in known)
        case ("operator", "+", left, right):
            before, after = template(left, scope, program, depth + 1), template(right, scope, program, depth + 1)
            return None if before is None and after is None else f"{ANY if before is None else before}{after or ANY}"
        case ("call", int(index)):
            match scope.facts.calls[index].callee:
                case ("attribute", ("string", _) as inner, "format"):
                    return template(inner, scope, program, depth + 1)
        case ("name" | "attribute", *_) if depth < DEEPEST:
            match program.evaluate(expression, scope):
                case VariableSymbol(scope=where, name=name) if name not in where.parameters:
                    match where.assigned.get(name):
                        case [only] if only.how in ("=", "annotated"):
                            return template(only.value, where, program, depth + 1)
    return None


def given_to(call: CallSite | Decorator, position: int, *names: str) -> Expression | None:
    """The argument at a position, or by one of these names."""
    if len(call.arguments) > position:
        found: Expression = call.arguments[position]
        return found
    return next((value for key, value in call.keywords if key in names), None)
