"""Ways of writing a module that say the same: its imports under other names, its functions under a decorator that logs, …

Each takes the tree of a module, with the names that others ask it for, and gives the tree of one that does what the first did.
None is clever: a name that might mean something else afterwards is left as it is.
"""

import ast
from collections.abc import Callable, Iterable
from typing import Final, TypeAlias

Rewrite: TypeAlias = Callable[[ast.Module, frozenset[str]], ast.Module]
Function: TypeAlias = ast.FunctionDef | ast.AsyncFunctionDef

# What such a decorator stands on is looked at by the library that brings it, before anybody calls it.
ASKED_BY_DECORATORS: Final = frozenset(
    """staticmethod classmethod property cached_property contextmanager asynccontextmanager fixture overload lru_cache
    cache""".split()
)

TRACED: Final = """
import functools as _functools


def _traced(function):
    @_functools.wraps(function)
    def wrapper(*args, **kwargs):
        print("called", function)
        return function(*args, **kwargs)

    return wrapper


def _traced_late(function):
    @_functools.wraps(function)
    async def wrapper(*args, **kwargs):
        print("called", function)
        return await function(*args, **kwargs)

    return wrapper
"""


class _Functions(ast.NodeTransformer):
    """Puts other statements into every function, from the innermost on."""

    def __init__(self, change: Callable[[Function], None]) -> None:
        self._change = change

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.FunctionDef:
        self.generic_visit(node)
        self._change(node)
        return node

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> ast.AsyncFunctionDef:
        self.generic_visit(node)
        self._change(node)
        return node


def tried(module: ast.Module, _: frozenset[str]) -> ast.Module:
    """Every function prints what fails in it, and raises it again."""

    def change(node: Function) -> None:
        first, body = _split(node)
        again: list[ast.stmt] = [*ast.parse("print('failed')").body, ast.Raise()]
        handler = ast.ExceptHandler(ast.Name("Exception", ast.Load()), None, again)
        node.body = [*first, ast.Try(body, [handler], [], [])] if body else first

    return _each_function(module, change)


def spanned(module: ast.Module, _: frozenset[str]) -> ast.Module:
    """Every function does its work in a span of a tracer."""

    def change(node: Function) -> None:
        first, body = _split(node)
        span = ast.parse("_tracer.start_as_current_span('work')", mode="eval").body
        node.body = [*first, ast.With([ast.withitem(span)], body)] if body else first

    made = "from opentelemetry import trace as _trace\n\n_tracer = _trace.get_tracer(__name__)\n"
    return _begin(_each_function(module, change), made)


def decorated(module: ast.Module, _: frozenset[str]) -> ast.Module:
    """Every function stands under a decorator of the program that prints its calls."""

    def change(node: Function) -> None:
        above = {ast.unparse(each).partition("(")[0].rpartition(".")[2] for each in node.decorator_list}
        generator = any(isinstance(each, ast.Yield | ast.YieldFrom) for each in ast.walk(node))
        if not (generator or node.name.startswith("__") or above & (ASKED_BY_DECORATORS | {"setter"})):
            name = "_traced_late" if isinstance(node, ast.AsyncFunctionDef) else "_traced"
            node.decorator_list.append(ast.Name(name, ast.Load()))

    return _begin(_each_function(module, change), TRACED)


def named(module: ast.Module, _: frozenset[str]) -> ast.Module:
    """Every result gets a name before it is returned."""

    class Returns(ast.NodeTransformer):
        def visit_Return(self, node: ast.Return) -> list[ast.stmt] | ast.Return:
            if node.value is None or isinstance(node.value, ast.Constant | ast.Name):
                return node
            name = ast.Name("_result", ast.Store())
            return [ast.Assign([name], node.value), ast.Return(ast.Name("_result", ast.Load()))]

    return _done(Returns().visit(module))


def quoted(module: ast.Module, _: frozenset[str]) -> ast.Module:
    """Every annotation of a function is a text."""

    def text(node: ast.expr | None) -> ast.expr | None:
        return node if node is None or isinstance(node, ast.Constant) else ast.Constant(ast.unparse(node))

    def change(node: Function) -> None:
        node.returns = text(node.returns)
        for each in (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs):
            each.annotation = text(each.annotation)

    return _each_function(module, change)


def renamed(module: ast.Module, asked: frozenset[str]) -> ast.Module:
    """Every `from … import …` gives another name."""
    return _imported(module, asked, lambda source, name: (f"from {source} import {name} as _{name}_", f"_{name}_"))


def dotted(module: ast.Module, asked: frozenset[str]) -> ast.Module:
    """Every `from a.b import c` is `import a.b`, and `c` is `a.b.c`."""
    return _imported(module, asked, lambda source, name: (f"import {source}", f"{source}.{name}"))


def early(module: ast.Module, _: frozenset[str]) -> ast.Module:
    """A function that ends in an `if` returns where its test does not hold."""

    def change(node: Function) -> None:
        last = node.body[-1]
        generator = any(isinstance(each, ast.Yield | ast.YieldFrom) for each in ast.walk(node))
        if isinstance(last, ast.If) and not last.orelse and len(node.body) > 1 and not generator:
            leaving: ast.stmt = ast.If(ast.UnaryOp(ast.Not(), last.test), [ast.Return()], [])
            node.body[-1:] = [leaving, *last.body]

    return _each_function(module, change)


REWRITES: Final[dict[str, Rewrite]] = {
    each.__name__: each for each in (decorated, renamed, dotted, tried, spanned, named, quoted, early)
}


def _each_function(module: ast.Module, change: Callable[[Function], None]) -> ast.Module:
    return _done(_Functions(change).visit(module))


def _done(module: ast.Module) -> ast.Module:
    return ast.fix_missing_locations(module)


def _split(node: Function) -> tuple[list[ast.stmt], list[ast.stmt]]:
    """What has to stand first in a function, its docstring and what it declares global, and the rest."""
    text = ast.get_docstring(node, clean=False) is not None
    first = [
        each for number, each in enumerate(node.body) if (text and not number) or isinstance(each, ast.Global | ast.Nonlocal)
    ]
    return first, [each for each in node.body if each not in first]


def _begin(module: ast.Module, text: str) -> ast.Module:
    """The module with this in front of everything that has not to stand before it."""
    at = 1 if ast.get_docstring(module, clean=False) is not None else 0
    while at < len(module.body) and isinstance(each := module.body[at], ast.ImportFrom) and each.module == "__future__":
        at += 1
    module.body[at:at] = ast.parse(text).body
    return _done(module)


def _imported(module: ast.Module, asked: frozenset[str], instead: Callable[[str, str], tuple[str, str]]) -> ast.Module:
    """Names that are imported at the top are imported, and written, in another way: for a module and a name, how."""
    taken = _bound_otherwise(module) | asked
    said: dict[str, str] = {}
    body: list[ast.stmt] = []
    for each in module.body:
        if not isinstance(each, ast.ImportFrom) or each.level or each.module in (None, "__future__"):
            body.append(each)
            continue
        left = []
        for alias in each.names:
            bound = alias.asname or alias.name
            if alias.name == "*" or bound in taken or str(each.module).partition(".")[0] in taken:
                left.append(alias)
            else:
                statement, said[bound] = instead(str(each.module), alias.name)
                body += ast.parse(statement).body
        if left:
            body.append(ast.ImportFrom(each.module, left, 0))
    module.body = body

    class Names(ast.NodeTransformer):
        def visit_Name(self, node: ast.Name) -> ast.expr:
            return ast.parse(said[node.id], mode="eval").body if node.id in said else node

    return _done(Names().visit(module))


def _bound_otherwise(module: ast.Module) -> set[str]:
    """Names that mean something else somewhere in the module."""
    found = set(_twice(bound for each in ast.walk(module) for bound in _imports(each)))
    for node in ast.walk(module):
        match node:
            case ast.Name(id=name, ctx=ast.Store() | ast.Del()) | ast.arg(arg=name):
                found.add(name)
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                found.add(name)
            case ast.ExceptHandler(name=str(name)) | ast.MatchAs(name=str(name)) | ast.MatchStar(name=str(name)):
                found.add(name)
            case ast.Global(names=names) | ast.Nonlocal(names=names):
                found.update(names)
    return found


def _imports(node: ast.AST) -> list[str]:
    if not isinstance(node, ast.Import | ast.ImportFrom):
        return []
    return [(each.asname or each.name).partition(".")[0] for each in node.names]


def _twice(names: Iterable[str]) -> list[str]:
    every = list(names)
    return [each for each in every if every.count(each) > 1]
