"""The expressions of one file → facts. Each is visited once, with the context it stands in handed down."""

import ast
import keyword
from collections.abc import Callable, Mapping
from typing import Any, Final

from netra.guard.facts import (
    LAMBDA,
    NOTHING,
    OTHER,
    REFUSALS,
    SELF,
    TOP,
    WATCHED,
    Assignment,
    AttributeRead,
    CallSite,
    Expression,
    Function,
    Mention,
    Parameter,
    Returned,
    Where,
    last_name,
)
from netra.guard.source.frames import Frame
from netra.guard.source.own_names import OwnNames
from netra.guard.source.scoping import ScopeNames

# Longer texts are cut: what is looked for in a string (a variable's name, the beginning of a statement) stands at its start.
NO_NAMES: Final[Mapping[str, str]] = {}

LONGEST_TEXT: Final = 200
LONGEST_END: Final = 40

STATEMENT: Final = ("statement",)
AWAIT: Final = ("await",)
RETURN: Final = ("return",)
YIELD: Final = ("yield",)
TRUTH: Final = ("truth",)
COMPARE: Final = ("compare",)
OPERATOR: Final = ("operator",)
FORMAT: Final = ("format",)
STORE: Final = ("store",)
INDEX: Final = ("index",)
ITERATE: Final = ("iterate",)
ITERATE_ASYNC: Final = ("iterate async",)
UNPACK: Final = ("unpack",)
WITH: Final = ("with",)
WITH_ASYNC: Final = ("with async",)
RAISE: Final = ("raise",)
CALLED: Final = ("called",)
DEFAULT: Final = ("default",)
DECORATOR: Final = ("decorator",)
IN_LAMBDA: Final = ("lambda",)
ELSEWHERE: Final = ("other",)

# What a query may ask begins with one of these.
JOINED: Final = frozenset({"compare", "not", "call", "attribute"})

SYMBOLS: Final = {ast.Mod: "%", ast.Add: "+", ast.BitOr: "|"}


class Expressions:
    """Reads expressions in the scope that is open, and opens those of lambdas and comprehensions."""

    def __init__(self, text: str) -> None:
        self._own = OwnNames(text)
        self._functions: list[Function | None] = []
        self._watched = set(WATCHED)
        self._scopes: list[ScopeNames] = []
        self._checking = 0
        self._frame = Frame(0, "", "", TOP, -1, -1)
        # The same few names stand in a file again and again. As one object each, they are stored and loaded once.
        self._names: dict[str, Expression] = {}
        self._attributes: dict[str, Where] = {}
        self._expressions: dict[type, Callable[[Any, Where], Expression]] = {
            **dict.fromkeys(ast.expr.__subclasses__(), self._other),
            ast.Name: self._name,
            ast.Attribute: self._attribute,
            ast.Call: self._call,
            ast.Constant: self._constant,
            ast.Await: self._await,
            ast.Subscript: self._subscript,
            ast.IfExp: self._choice,
            ast.BoolOp: self._bool_op,
            ast.BinOp: self._bin_op,
            ast.UnaryOp: self._unary_op,
            ast.Compare: self._compare,
            ast.List: self._list,
            ast.Tuple: self._tuple,
            ast.Set: self._set,
            ast.Dict: self._dict,
            ast.JoinedStr: self._joined,
            ast.Lambda: self._lambda,
            ast.Starred: self._starred,
            ast.NamedExpr: self._named,
            ast.Yield: self._yield,
            ast.YieldFrom: self._yield_from,
            ast.ListComp: self._comprehension,
            ast.SetComp: self._comprehension,
            ast.GeneratorExp: self._comprehension,
            ast.DictComp: self._comprehension,
            ast.Slice: self._slice,
        }

    def _open(self, name: str, sort: str, owner: int) -> Frame:
        around = self._frame
        self._functions.append(None)
        qualified = f"{around.qualified}.{name}" if around.qualified else name
        self._frame = Frame(len(self._functions) - 1, name, qualified, sort, around.index, owner, around)
        self._frame.names.checking = self._checking > 0
        return around

    def _leave(self, around: Frame) -> Frame:
        """Go back to the scope around. Gives the one that has been read."""
        frame, self._frame = self._frame, around
        self._scopes.append(frame.names)
        return frame

    def _parameters(self, arguments: ast.arguments) -> tuple[Parameter, ...]:
        found = []
        positional = arguments.posonlyargs + arguments.args
        missing = len(positional) - len(arguments.defaults)
        defaults: list[ast.expr | None] = [*([None] * missing), *arguments.defaults]
        for argument, default in zip(positional, defaults, strict=True):
            found.append(self._parameter(argument, default, "positional"))
        if arguments.vararg:
            found.append(self._parameter(arguments.vararg, None, "arguments"))
        for argument, default in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True):
            found.append(self._parameter(argument, default, "keyword"))
        if arguments.kwarg:
            found.append(self._parameter(arguments.kwarg, None, "keywords"))
        return tuple(found)

    def _forget(self, name: str) -> None:
        if self._own.forget(name):
            self._names[name] = ("name", name)

    def _parameter(self, argument: ast.arg, default: ast.expr | None, position: str) -> Parameter:
        if self._own.renamed:
            self._forget(argument.arg)
        return Parameter(
            argument.arg,
            None if argument.annotation is None else self._annotation(argument.annotation),
            None if default is None else self.expression(default, DEFAULT),
            position,
            argument.lineno,
        )

    def _annotation(self, node: ast.expr) -> Expression:
        """An annotation, with what is called in it: `Annotated[Session, Depends(get_session)]`."""
        match node:
            case ast.Subscript(value=ast.Name() | ast.Attribute() as name, slice=ast.Tuple(elts=of)) if (
                last_name(annotation(name, self._own.renamed)) == "Annotated"
            ):
                said = [each for each in of[1:] if not _is_prose(each)]
                if not said:
                    return annotation(of[0], self._own.renamed)
                before = len(self._frame.uses)
                inner = [annotation(of[0], self._own.renamed), *(self.expression(each, DEFAULT) for each in said)]
                self._frame.names.pass_over(before, len(self._frame.uses))
                return ("subscript", annotation(name, self._own.renamed), ("tuple", tuple(inner)))
        return annotation(node, self._own.renamed)

    def _target(self, node: ast.expr) -> Expression:
        if isinstance(node, ast.Name):
            if self._own.renamed:
                self._forget(node.id)
            self._frame.names.bind(node.id, node.lineno)
            return ("name", node.id)
        match node:
            case ast.Attribute(value=value, attr=name):
                return ("attribute", self.expression(value, STORE), name)
            case ast.Subscript(value=value, slice=key):
                return ("subscript", self.expression(value, STORE), self.expression(key, INDEX))
            case ast.Tuple(elts=parts) | ast.List(elts=parts):
                return ("tuple", tuple(self._target(part) for part in parts))
            case ast.Starred(value=value):
                return ("star", self._target(value))
        return OTHER

    def _store(self, node: ast.expr, target: Expression, value: Expression, of: Expression | None, how: str) -> None:
        if target[0] in ("name", "attribute"):
            self._frame.assignments.append(Assignment(target, value, of, how, node.lineno, node.col_offset))
            return
        match target:
            case ("tuple", parts):
                values = value[1] if value[0] in ("tuple", "list") else None
                if values is not None and len(values) == len(parts) and how == "=":
                    for part, each in zip(parts, values, strict=True):
                        self._store(node, part, each, None, how)
                else:
                    for part in parts:
                        self._store(node, part, value, None, "unpack")
            case ("star", inner):
                self._store(node, inner, value, None, "unpack")
            case _:
                self._frame.assignments.append(Assignment(target, value, of, how, node.lineno, node.col_offset))

    def expression(self, node: ast.expr, where: Where) -> Expression:
        return self._expressions[type(node)](node, where)

    def _other(self, _: ast.expr, __: Where) -> Expression:
        return OTHER

    def _name(self, node: ast.Name, where: Where) -> Expression:
        name = node.id
        frame = self._frame
        expression = self._names.get(name)
        if expression is None:
            expression = self._names[name] = ("name", name)
        if name in self._watched:
            frame.mentions.append(Mention(expression, where, node.lineno, node.col_offset))
        frame.uses.append((name, where, node.lineno, node.col_offset))
        return expression

    def _attribute(self, node: ast.Attribute, where: Where) -> Expression:
        name = node.attr
        if self._own.of_modules and isinstance(node.value, ast.Name) and (node.value.id, name) in self._own.of_modules:
            return self._name(ast.copy_location(ast.Name(name, ast.Load()), node), where)
        inside = self._attributes.get(name)
        if inside is None:
            inside = self._attributes[name] = ("attribute", name)
        value = self._expressions[type(node.value)](node.value, inside)
        if value == SELF:
            self._frame.uses.append((f"self.{name}", where, node.lineno, node.col_offset))
        if name in WATCHED:
            self._frame.mentions.append(Mention(("attribute", value, name), where, node.lineno, node.col_offset))
        found = ("attribute", value, name)
        if where is not CALLED and where[0] != "attribute":
            self._frame.reads.append(AttributeRead(found, where, node.lineno, node.col_offset))
        return found

    def _call(self, node: ast.Call, where: Where) -> Expression:
        if isinstance(node.func, ast.Name) and node.func.id == "getattr":
            match node:
                case ast.Call(_, [value, ast.Constant(str(name))], []) if name in WATCHED:
                    return self._attribute(ast.copy_location(ast.Attribute(value, name, ast.Load()), node), where)
        calls = self._frame.calls
        index = len(calls)
        calls.append(None)
        visits = self._expressions  # `expression`, written out: most of all expressions stand in a call
        callee = visits[type(node.func)](node.func, CALLED)
        arguments = tuple([visits[type(each)](each, ("argument", index, place)) for place, each in enumerate(node.args)])
        keywords = tuple(
            [
                (name := each.arg or "**", visits[type(each.value)](each.value, ("argument", index, name)))
                for each in node.keywords
            ]
        )
        line = node.lineno
        last, end = node.end_lineno or line, node.end_col_offset or 0
        calls[index] = CallSite(callee, arguments, keywords, where, line, node.col_offset, last, end)
        return ("call", index)

    def _constant(self, node: ast.Constant, _: Where) -> Expression:
        if node.value is None:
            return NOTHING
        if isinstance(node.value, str):
            return ("string", node.value[:LONGEST_TEXT])
        if isinstance(node.value, (bool, float)):
            return ("constant", type(node.value).__name__, node.value)
        if isinstance(node.value, bytes):
            return ("constant", "bytes", node.value[:LONGEST_TEXT].decode("ascii", "replace"))
        if node.value in REFUSALS:
            return ("constant", "int", node.value)
        return ("constant", type(node.value).__name__)

    def _await(self, node: ast.Await, where: Where) -> Expression:
        value = self._expressions[type(node.value)](node.value, AWAIT)
        self._frame.awaits.append((value, node.lineno, node.col_offset, node.end_lineno or node.lineno))
        if value[0] == "call":
            # Where the awaited value stands: a coroutine that returns a coroutine is awaited and still not a value.
            call = self._frame.calls[value[1]]
            assert call is not None
            end = (call.line, call.column, call.end_line, call.end_column)
            self._frame.calls[value[1]] = CallSite(call.callee, call.arguments, call.keywords, ("await", where), *end)
        return ("await", value)

    def _subscript(self, node: ast.Subscript, _: Where) -> Expression:
        match node.slice:
            case ast.Constant(value=str(key)):
                value = self.expression(node.value, ("subscript", key[:LONGEST_TEXT]))
            case _:
                value = self.expression(node.value, ("subscript",))
        return ("subscript", value, self.expression(node.slice, INDEX))

    def _slice(self, node: ast.Slice, _: Where) -> Expression:
        for part in (node.lower, node.upper, node.step):
            if part is not None:
                self.expression(part, INDEX)
        return OTHER

    def _choice(self, node: ast.IfExp, where: Where) -> Expression:
        self.expression(node.test, TRUTH)
        return ("choice", (self.expression(node.body, where), self.expression(node.orelse, where)))

    def _bool_op(self, node: ast.BoolOp, where: Where) -> Expression:
        *tested, last = node.values
        parts = [self.expression(each, TRUTH) for each in tested]
        found = ("choice", (*parts, self.expression(last, where)))
        if where[0] == "argument" and parts[0][0] in JOINED:
            operator = "and" if isinstance(node.op, ast.And) else "or"
            self._frame.joined.append((node.lineno, node.col_offset, found, operator))
        return found

    def _bin_op(self, node: ast.BinOp, _: Where) -> Expression:
        symbol = SYMBOLS.get(type(node.op), "")
        left = self.expression(node.left, OPERATOR)
        formats = symbol == "%" and left[0] in ("string", "formatted")
        return ("operator", symbol, left, self.expression(node.right, FORMAT if formats else OPERATOR))

    def _unary_op(self, node: ast.UnaryOp, _: Where) -> Expression:
        if isinstance(node.op, ast.Not):
            return ("not", self.expression(node.operand, TRUTH))
        operand = self.expression(node.operand, OPERATOR)
        return ("constant", "int") if operand[0] == "constant" else OTHER

    def _compare(self, node: ast.Compare, _: Where) -> Expression:
        parts = tuple([self.expression(each, COMPARE) for each in (node.left, *node.comparators)])
        return ("compare", parts, tuple([type(each).__name__ for each in node.ops]))

    def _elements(self, nodes: list[ast.expr], where: Where) -> tuple[Expression, ...]:
        inside = ("element", where)
        return tuple([self.expression(each, inside) for each in nodes])

    def _list(self, node: ast.List, where: Where) -> Expression:
        return ("list", self._elements(node.elts, where))

    def _tuple(self, node: ast.Tuple, where: Where) -> Expression:
        return ("tuple", self._elements(node.elts, where))

    def _set(self, node: ast.Set, where: Where) -> Expression:
        return ("set", self._elements(node.elts, where))

    def _dict(self, node: ast.Dict, where: Where) -> Expression:
        inside = ("element", where)
        pairs = []
        for key, value in zip(node.keys, node.values, strict=True):
            if key is None:
                pairs.append((OTHER, self.expression(value, UNPACK)))
            else:
                pairs.append((self.expression(key, INDEX), self.expression(value, inside)))
        return ("dict", tuple(pairs))

    def _joined(self, node: ast.JoinedStr, _: Where) -> Expression:
        parts: list[Expression] = []
        for each in node.values:
            if isinstance(each, ast.FormattedValue):
                parts.append(self.expression(each.value, FORMAT))
            elif isinstance(each, ast.Constant):
                parts.append(("string", _shortened(str(each.value))))
        return ("formatted", tuple(parts))

    def _lambda(self, node: ast.Lambda, _: Where) -> Expression:
        parameters = self._parameters(node.args)
        around = self._open("<lambda>", LAMBDA, -1)
        value = self.expression(node.body, IN_LAMBDA)
        frame = self._leave(around)
        frame.returned.append(Returned(value, "return", node.lineno, node.col_offset))
        self._functions[frame.index] = frame.finished(
            node.lineno,
            node.col_offset,
            node.end_lineno or node.lineno,
            (),
            parameters,
            None,
            abstract=False,
            examples=False,
        )
        return ("lambda", frame.index)

    def _starred(self, node: ast.Starred, _: Where) -> Expression:
        return ("star", self.expression(node.value, UNPACK))

    def _named(self, node: ast.NamedExpr, where: Where) -> Expression:
        target = ("name", node.target.id)
        value = self.expression(node.value, where)
        self._frame.names.bind_around(node.target.id)
        self._store(node.target, target, value, None, "=")
        return value

    def _yield(self, node: ast.Yield, _: Where) -> Expression:
        value = NOTHING if node.value is None else self.expression(node.value, YIELD)
        self._frame.returned.append(Returned(value, "yield", node.lineno, node.col_offset))
        return OTHER

    def _yield_from(self, node: ast.YieldFrom, _: Where) -> Expression:
        value = self.expression(node.value, ITERATE)
        self._frame.returned.append(Returned(("star", value), "yield", node.lineno, node.col_offset))
        return OTHER

    def _comprehension(self, node: ast.ListComp | ast.SetComp | ast.GeneratorExp | ast.DictComp, where: Where) -> Expression:
        names = self._frame.names
        bound, names.bound = names.bound, {}
        before, scopes = -1, len(self._scopes)
        for each in node.generators:
            over = self.expression(each.iter, ITERATE_ASYNC if each.is_async else ITERATE)
            # All of a comprehension but what it first goes over is a scope of its own.
            before = len(self._frame.uses) if before < 0 else before
            self._store(each.target, self._target(each.target), over, None, "for async" if each.is_async else "for")
            for test in each.ifs:
                self.expression(test, TRUTH)
        inside = ("element", where)
        if isinstance(node, ast.DictComp):
            self.expression(node.key, INDEX)
            found = ("comprehension", "DictComp", self.expression(node.value, inside))
        else:
            found = ("comprehension", type(node).__name__, self.expression(node.elt, inside))
        inner, names.bound = names.bound, bound
        names.leave(self._frame.uses, before, inner)
        for scope in self._scopes[scopes:]:
            scope.see(inner)  # a lambda in it
        return found


def annotation(node: ast.expr, names: Mapping[str, str] = NO_NAMES) -> Expression:
    """An annotation as an expression; one in quotes is parsed. Nothing is called or assigned in it.

    `names`: what some names stand for.
    """
    match node:
        case ast.Name(id=name):
            return ("name", names.get(name, name))
        case ast.Attribute(value=value, attr=name):
            return ("attribute", annotation(value, names), name)
        case ast.Subscript(value=value, slice=key):
            return ("subscript", annotation(value, names), annotation(key, names))
        case ast.Tuple(elts=parts) | ast.List(elts=parts):
            return ("tuple", tuple(annotation(part, names) for part in parts))
        case ast.BinOp(left=left, op=ast.BitOr(), right=right):
            return ("operator", "|", annotation(left, names), annotation(right, names))
        case ast.Constant(value=None):
            return NOTHING
        case ast.Constant(value=str(text)):
            if text.isidentifier() and not keyword.iskeyword(text):
                return ("name", names.get(text, text))
            try:
                return annotation(ast.parse(text, mode="eval").body, names)
            except (SyntaxError, ValueError):
                return OTHER
    return OTHER


def _is_prose(node: ast.expr) -> bool:
    """`Annotated[User, "who asks"]`, `Annotated[User, Doc("who asks")]`: for people, and for nobody else."""
    called = node.func if isinstance(node, ast.Call) else None
    return isinstance(node, ast.Constant) or (isinstance(called, ast.Name) and called.id == "Doc")


def _shortened(text: str) -> str:
    """A piece of a formatted string: how it begins, and how it ends in front of the value that follows."""
    return text if len(text) <= LONGEST_TEXT else f"{text[: LONGEST_TEXT - LONGEST_END]} … {text[-LONGEST_END:]}"
