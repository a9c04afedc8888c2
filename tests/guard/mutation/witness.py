"""Who else knows what a call means: a plain reading of annotations, constructors and imports that owes nothing to guard.

Recall is counted twice, over all faults and over those that can be seen without running anything. A call counts as *known* when
one of these holds, and its function has no decorator beside `staticmethod`, `classmethod` and those of routes:

1. it is called by a plain name which the file defines, or imports by name (through at most four re-exports) from a module of
   the package that defines it;
2. it is called on `self` or `cls`, and the class or one of its bases within the package defines it;
3. it is called on a name or an attribute of `self` whose class is written down: an annotation of the parameter, variable or
   attribute (`Optional`, `| None` and `Annotated` aside), or the one assignment `x = Class(…)` or `with Class(…) as x`, in the
   same function, at the top of the module or in a method of the class; and that class, or a base in the package, defines it;
4. it is a function of `asyncio` that has to be awaited, or a method of one of the library classes in `LIBRARY`, with its class
   known as in 3.
"""

import ast
from collections.abc import Iterable, Iterator
from functools import cache, cached_property
from typing import Final, NamedTuple

from tests.guard.mutation.target import AnyFunction, Target, last

# Library classes whose coroutine methods are common knowledge.
LIBRARY: Final = {
    "AsyncSession": "execute scalar scalars commit rollback flush refresh close get delete merge",
    "AsyncConnection": "execute scalar scalars commit rollback close",
    "AsyncClient": "get post put patch delete head options request send aclose",
}
COROUTINES_OF_ASYNCIO: Final = frozenset("sleep gather wait wait_for to_thread open_connection start_server".split())
TRANSPARENT: Final = frozenset(
    "staticmethod classmethod get post put patch delete head options websocket route override".split()
)
LONGEST: Final = 4
OWNERS: Final = frozenset("config settings env environment configuration".split())


class Defined(NamedTuple):
    """A function or class of the package, with the file it stands in."""

    target: Target
    node: AnyFunction | ast.ClassDef | ast.expr


class ClassSeen(NamedTuple):
    """A class of the package, or one of `LIBRARY` by its name alone."""

    target: Target | None
    node: ast.ClassDef | None
    name: str


class Witness:
    """Everything that the files of a package say plainly."""

    def __init__(self, targets: Iterable[Target]) -> None:
        self.targets = {each.name: each for each in targets}
        self._tops: dict[Target, dict[str, list[ast.AST]]] = {}

    # --- names -----------------------------------------------------------------------------------------------------------

    def defined(self, name: str, target: Target, depth: int = 0) -> Defined | None:
        """What a name at the top of a file is, when it has one definition there."""
        found = self._top(target).get(name, [])
        if len(found) != 1 or depth > LONGEST:
            return None
        match found[0]:
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef() as node:
                return Defined(target, node)
            case ast.Assign(value=value) | ast.AnnAssign(value=ast.expr() as value):
                return Defined(target, value)
            case ast.ImportFrom() as each:
                source = self.targets.get(absolute(each, target))
                original = next(alias.name for alias in each.names if (alias.asname or alias.name) == name)
                return None if source is None else self.defined(original, source, depth + 1)
        return None

    def external(self, name: str, target: Target) -> str:
        """The dotted name of what a file imports from outside the package; empty for anything else."""
        found = self._top(target).get(name, [])
        match found:
            case [ast.ImportFrom() as each] if absolute(each, target) not in self.targets:
                original = next(alias.name for alias in each.names if (alias.asname or alias.name) == name)
                return f"{each.module or ''}.{original}"
            case [ast.Import() as each]:
                return next(alias.name for alias in each.names if (alias.asname or alias.name.partition(".")[0]) == name)
        return ""

    def _top(self, target: Target) -> dict[str, list[ast.AST]]:
        if target not in self._tops:
            found: dict[str, list[ast.AST]] = {}
            for node in _at_top(target.tree.body):
                for name in _bound(node):
                    found.setdefault(name, []).append(node)
            self._tops[target] = found
        return self._tops[target]

    # --- classes ---------------------------------------------------------------------------------------------------------

    def class_named(self, node: ast.expr | None, target: Target) -> ClassSeen | None:
        """The class that an annotation or a constructor names."""
        match node:
            case ast.Constant(value=str(text)):
                try:
                    return self.class_named(ast.parse(text, mode="eval").body, target)
                except SyntaxError:
                    return None
            case ast.BinOp(op=ast.BitOr(), left=left, right=ast.Constant(value=None)):
                return self.class_named(left, target)
            case ast.Subscript(value=value, slice=inner) if last(value) in ("Optional", "Annotated"):
                return self.class_named(inner.elts[0] if isinstance(inner, ast.Tuple) else inner, target)
            case ast.Name(id=name):
                match self.defined(name, target):
                    case Defined(target=where, node=ast.ClassDef() as found):
                        return ClassSeen(where, found, found.name)
                if (outside := self.external(name, target).rpartition(".")[2]) in LIBRARY:
                    return ClassSeen(None, None, outside)
            case ast.Attribute(value=ast.Name(id=module), attr=name) if name in LIBRARY and self.external(module, target):
                return ClassSeen(None, None, name)
        return None

    def bases(self, seen: ClassSeen) -> tuple[list[ClassSeen], bool]:
        """A class and those above it within the package, and whether that is all of them."""
        found, closed, waiting = [seen], True, [seen]
        while waiting:
            each = waiting.pop()
            if each.node is None or each.target is None:
                closed = False
                continue
            closed = closed and not each.node.keywords and not each.node.decorator_list
            for base in each.node.bases:
                above = self.class_named(base, each.target)
                if above is None or len(found) > 20:
                    closed = closed and last(base) in ("object", "ABC")
                elif above not in found:
                    found.append(above)
                    waiting.append(above)
        return found, closed

    def method(self, seen: ClassSeen, name: str) -> Defined | None:
        for each in self.bases(seen)[0]:
            if each.node is not None and each.target is not None:
                for node in each.node.body:
                    if isinstance(node, AnyFunction) and node.name == name:
                        return Defined(each.target, node)
        return None

    def is_alone(self, name: str) -> bool:
        """No class of the package derives from one of this name."""
        return name not in self._derived_from

    @cached_property
    def owners(self) -> tuple[str, ...]:
        """The modules that own the environment: those named for settings, where they read at least half of all that is read."""
        reads = {name: _reads(each) for name, each in self.targets.items() if not each.in_tests}
        owned = {name: count for name, count in reads.items() if count and is_named_for_settings(name)}
        return tuple(sorted(owned)) if 2 * sum(owned.values()) >= sum(reads.values()) else ()

    @cached_property
    def _derived_from(self) -> frozenset[str]:
        return frozenset(last(base) for each in self.targets.values() for node in each.classes for base in node.bases)

    @cached_property
    def importers(self) -> dict[str, list[Target]]:
        """The files that import something of a name at their top and call something of that name."""
        found: dict[str, list[Target]] = {}
        for target in self.targets.values():
            called = {last(call) for call in target.calls}
            for node in target.tree.body:
                if isinstance(node, ast.ImportFrom):
                    for alias in node.names:
                        if (name := alias.asname or alias.name) in called:
                            found.setdefault(name, []).append(target)
        return found

    # --- receivers -------------------------------------------------------------------------------------------------------

    def receiver(self, node: ast.expr, target: Target, function: AnyFunction | None) -> ClassSeen | None:
        """The class of the object that an expression gives, where it is written down."""
        match node:
            case ast.Name(id="self" | "cls") if function is not None:
                owner = target.class_of(function)
                return None if owner is None else ClassSeen(target, owner, owner.name)
            case ast.Name(id=name):
                if function is not None:
                    for parameter in parameters(function):
                        if parameter.arg == name:
                            return self.class_named(parameter.annotation, target)
                    if values := _values(function).get(name):
                        return self._one(values, target)
                found = self._top(target).get(name, [])
                match self.defined(name, target):
                    case Defined(target=where, node=ast.Call(func=maker)) if len(found) == 1:
                        return self.class_named(maker, where)
            case ast.Attribute(value=ast.Name(id="self"), attr=name) if function is not None:
                owner = target.class_of(function)
                if owner is None:
                    return None
                for method in (each for each in owner.body if isinstance(each, AnyFunction)):
                    if values := _values(method).get(f"self.{name}"):
                        seen = self._one(values, target)
                        if seen is None and isinstance(values[0], ast.Name):
                            return self.receiver(values[0], target, method)
                        return seen
        return None

    def _one(self, values: list[ast.expr], target: Target) -> ClassSeen | None:
        if len(values) != 1:
            return None
        value = values[0]
        return self.class_named(value.func if isinstance(value, ast.Call) else None, target)

    # --- calls -----------------------------------------------------------------------------------------------------------

    def called(self, call: ast.Call, target: Target) -> Defined | None:
        """The function or class of the package that a call means, where that is written down (1 to 3 above)."""
        function = target.function_of(call)
        match call.func:
            case ast.Name(id=name):
                if function is not None and any(each.arg == name for each in parameters(function)):
                    return None
                found = self.defined(name, target)
                return found if found is None or not isinstance(found.node, ast.expr) else None
            case ast.Attribute(value=value, attr=name):
                seen = self.receiver(value, target, function)
                return None if seen is None else self.method(seen, name)
        return None

    def gives_coroutine(self, call: ast.Call, target: Target) -> bool:
        """The call is known to give a coroutine (1 to 4 above)."""
        match self.called(call, target):
            case Defined(node=ast.AsyncFunctionDef() as node):
                return {last(each) for each in node.decorator_list} <= TRANSPARENT and not is_generator(node)
            case Defined():
                return False
        match call.func:
            case ast.Attribute(value=ast.Name(id=module), attr=name) if self.external(module, target) == "asyncio":
                return name in COROUTINES_OF_ASYNCIO
            case ast.Attribute(value=value, attr=name):
                seen = self.receiver(value, target, target.function_of(call))
                return seen is not None and any(name in LIBRARY.get(each.name, "").split() for each in self.bases(seen)[0])
            case ast.Name(id=name):
                module, _, member = self.external(name, target).rpartition(".")
                return module == "asyncio" and member in COROUTINES_OF_ASYNCIO
        return False


def is_named_for_settings(module: str) -> bool:
    return module.rpartition(".")[2] in OWNERS


def _reads(target: Target) -> int:
    return target.text.count("os.environ") + target.text.count("getenv(")


def absolute(each: ast.ImportFrom, target: Target) -> str:
    """The dotted name of the module that a `from … import` names."""
    if not each.level:
        return each.module or ""
    parts = target.name.split(".")
    parts = parts[: len(parts) - each.level + target.package]
    return ".".join([*parts, *([each.module] if each.module else [])])


def parameters(function: AnyFunction) -> list[ast.arg]:
    every = function.args
    return [*every.posonlyargs, *every.args, *every.kwonlyargs]


def is_generator(function: AnyFunction) -> bool:
    waiting: list[ast.AST] = list(function.body)
    while waiting:
        node = waiting.pop()
        if isinstance(node, (ast.Yield, ast.YieldFrom)):
            return True
        if not isinstance(node, (*AnyFunction.__args__, ast.Lambda, ast.ClassDef)):
            waiting += ast.iter_child_nodes(node)
    return False


def _at_top(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    for statement in body:
        yield statement
        match statement:
            case ast.If(body=inner, orelse=other) | ast.Try(body=inner, orelse=other):
                yield from _at_top([*inner, *other])
            case ast.With(body=inner):
                yield from _at_top(inner)


def _bound(node: ast.stmt) -> Iterator[str]:
    match node:
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
            yield name
        case ast.Import(names=names):
            yield from (alias.asname or alias.name.partition(".")[0] for alias in names)
        case ast.ImportFrom(names=names):
            yield from (alias.asname or alias.name for alias in names)
        case ast.Assign(targets=targets):
            yield from (each.id for each in targets if isinstance(each, ast.Name))
        case ast.AnnAssign(target=ast.Name(id=name)):
            yield name


@cache
def _values(function: AnyFunction) -> dict[str, list[ast.expr]]:
    """What names and attributes are set to within a function; an annotation comes as a call of what it names."""
    found: dict[str, list[ast.expr]] = {}
    for node in ast.walk(function):
        match node:
            case ast.Assign(targets=[each], value=value):
                pass
            case ast.AnnAssign(target=each, annotation=annotation):
                value = ast.Call(annotation, [], [])
            case ast.withitem(context_expr=value, optional_vars=ast.expr() as each):
                pass
            case ast.For(target=each) | ast.AsyncFor(target=each):
                value = ast.Constant(None)
            case _:
                continue
        match each:
            case ast.Name(id=name):
                found.setdefault(name, []).append(value)
            case ast.Attribute(value=ast.Name(id="self"), attr=name):
                found.setdefault(f"self.{name}", []).append(value)
    return found
