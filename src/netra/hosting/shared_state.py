"""State that all users of a hosted agent would share, found before there is a user.

A framework's agent is one object for everybody. What its functions write beyond their own call (a list of the module, a
closure's dict, an attribute of `self`) is written for everybody, and read by everybody. A server that is to keep users apart
must not host it, so it is refused at import, with its name and what to do instead.

This reads the source of the functions that a framework is given, and of those of the same module that they call. What has no
source, and what is written by way of another module, is not seen: the rule for whoever writes an agent stays "nothing of a
user outlives its run", and `netra guard` reads whole programs for it.
"""

import ast
import functools
import inspect
import re
import textwrap
from collections import deque
from collections.abc import Callable, Iterable, Iterator, MutableMapping, MutableSequence, MutableSet
from contextvars import ContextVar
from types import CodeType, FunctionType, MethodType, ModuleType
from typing import Any, Final

from netra.agents.definition import InvalidAgent

CONTAINERS: Final = (MutableMapping, MutableSequence, MutableSet, deque)

WRITERS: Final = frozenset(
    "add append appendleft clear discard extend extendleft insert pop popitem popleft remove setdefault update".split()
)
"""Methods of containers that change them."""

DEPTH: Final = 4
"""Calls within a module that are followed."""

INSTEAD: Final = (
    "Hold it in the run: what is made for one run (the Context, deps, a node's state) goes with it, and what was said before "
    "in a thread is handed over as its history."
)

_UNKNOWN: Final = object()


def refuse(agent: str, what: str, instead: str = INSTEAD) -> None:
    """Raise `InvalidAgent`: `what` would be shared by all users of the agent."""
    raise InvalidAgent(f"the agent {agent} cannot be hosted: {what} would be shared by all of its users. {instead}")


def refuse_writers(agent: str, functions: Iterable[tuple[str, Any]]) -> None:
    """Refuse the first of these functions, each with what it is to the agent, that writes something beyond its call."""
    for role, function in functions:
        for written in written_beyond_the_call(function):
            refuse(agent, f"`{written}`, which {role} writes,")


def refuse_values(agent: str, **given: Any) -> None:
    """Refuse what is a value where a function of the run is due: one value would be every user's."""
    for what, value in given.items():
        if value is not None and not callable(value):
            refuse(
                agent, f"its `{what}` ({type(value).__name__})", f"Give a function: {what}=lambda ctx: …, called in each run."
            )


def refuse_attributes(agent: str, item: Any, known: Iterable[str]) -> None:
    """Refuse attributes that somebody added to an agent of a framework, if they can change."""
    expected = set(known)
    for name, value in vars(item).items():
        if name not in expected and not isinstance(value, (str, bytes, int, float, bool, frozenset, tuple, type, type(None))):
            refuse(agent, f"its attribute `{name}` ({type(value).__name__})")


def written_beyond_the_call(function: Any, depth: int = DEPTH) -> list[str]:
    """What a function writes that is there before and after it is called: `history`, `self.notes`."""
    return list(dict.fromkeys(_written(function, depth, set())))


def _written(function: Any, depth: int, seen: set[int]) -> Iterator[str]:
    if isinstance(function, functools.partial):
        yield from _written(function.func, depth, seen)
        return
    held: dict[str, Any] = {}
    function = inspect.unwrap(function) if callable(function) else function
    if not isinstance(function, FunctionType | MethodType) and callable(function) and not isinstance(function, type):
        function = getattr(function, "__call__", function)  # noqa: B004 - an object that is called: its method is what runs
    if isinstance(function, MethodType):
        itself, function = function.__self__, function.__func__
        if isinstance(function, FunctionType) and function.__code__.co_argcount:
            held[function.__code__.co_varnames[0]] = itself
    if not isinstance(function, FunctionType) or id(function.__code__) in seen or depth == 0:
        return
    seen.add(id(function.__code__))
    held |= _closure(function)
    tree = _tree(function)
    if tree is None:
        return
    code = function.__code__
    local = _locals(code) - held.keys()
    for node in ast.walk(tree):
        yield from _writes(node, held, local, function.__globals__)
    for name in sorted(_names(code) - local):
        called = held.get(name, function.__globals__.get(name))
        if isinstance(called, FunctionType) and (name in held or called.__module__ == function.__module__):
            yield from _written(called, depth - 1, seen)
    for node in ast.walk(tree):
        match node:
            case ast.Call(func=ast.Attribute(value=owner, attr=attr)):
                itself = _value(owner, held, local, function.__globals__)
                method = None if itself is _UNKNOWN else getattr(type(itself), attr, None)
                if isinstance(method, FunctionType) and method.__module__ == function.__module__:
                    spoken = ast.unparse(owner)
                    for written in _written(MethodType(method, itself), depth - 1, seen):
                        yield re.sub(r"^self\b", spoken, written)


def _writes(node: ast.AST, held: dict[str, Any], local: set[str], known: dict[str, Any]) -> Iterator[str]:
    targets: list[ast.expr] = []
    match node:
        case ast.Global(names=names) | ast.Nonlocal(names=names):
            yield from (name for name in names if isinstance(node, ast.Global) or name in held)
        case ast.Assign(targets=targets) | ast.Delete(targets=targets):
            pass
        case ast.AugAssign() | ast.AnnAssign():
            targets = [node.target]
        case ast.Call(func=ast.Attribute(value=owner, attr=attr)) if attr in WRITERS:
            if isinstance(_value(owner, held, local, known), CONTAINERS):
                yield ast.unparse(owner)
        case _:
            return
    for target in targets:
        for part in target.elts if isinstance(target, ast.Tuple | ast.List) else [target]:
            if not isinstance(part, ast.Subscript | ast.Attribute):
                continue
            owner_value = _value(part.value, held, local, known)
            if owner_value is _UNKNOWN or isinstance(owner_value, ContextVar):
                continue
            yield ast.unparse(part.value if isinstance(part, ast.Subscript) else part)


def _value(node: ast.expr, held: dict[str, Any], local: set[str], known: dict[str, Any]) -> Any:
    """What an expression stands for, if it is there before the call."""
    match node:
        case ast.Name(id=name):
            if name in held:
                return held[name]
            return _UNKNOWN if name in local else known.get(name, _UNKNOWN)
        case ast.Attribute(value=owner, attr=attr):
            value = _value(owner, held, local, known)
            if value is _UNKNOWN:
                return _UNKNOWN
            return vars(value).get(attr, _UNKNOWN) if isinstance(value, ModuleType) else _attribute(value, attr)
        case ast.Subscript(value=owner):
            # What lies in a container is as lasting as the container.
            value = _value(owner, held, local, known)
            return value if isinstance(value, CONTAINERS) else _UNKNOWN
    return _UNKNOWN


def _attribute(value: Any, attr: str) -> Any:
    """An attribute that is simply there; properties are not asked, for they may do anything."""
    try:
        return inspect.getattr_static(value, attr)
    except AttributeError:
        return _UNKNOWN


def _closure(function: FunctionType) -> dict[str, Any]:
    cells = zip(function.__code__.co_freevars, function.__closure__ or (), strict=False)
    found = {}
    for name, cell in cells:
        try:
            found[name] = cell.cell_contents
        except ValueError:  # not filled yet
            continue
    return found


def _codes(code: CodeType) -> Iterator[CodeType]:
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _codes(constant)


def _locals(code: CodeType) -> set[str]:
    return {name for part in _codes(code) for name in (*part.co_varnames, *part.co_cellvars)}


def _names(code: CodeType) -> set[str]:
    return {name for part in _codes(code) for name in (*part.co_names, *part.co_freevars)}


def _tree(function: Callable[..., Any]) -> ast.AST | None:
    """The source of a function, parsed. None where there is none that can be read by itself."""
    try:
        return ast.parse(textwrap.dedent(inspect.getsource(function)))
    except (OSError, TypeError, SyntaxError):
        return None
