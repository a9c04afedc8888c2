"""One parsed file → its facts. Every node is visited once, with the context it stands in handed down."""

import ast
import keyword
import sys
from functools import partial
from typing import Final

from netra.guard.facts import (
    ASYNC,
    BODY,
    LAMBDA,
    NOTHING,
    OTHER,
    PLAIN,
    TOP,
    WATCHED,
    Assignment,
    AttributeRead,
    Block,
    CallSite,
    Class,
    Decorator,
    Expression,
    File,
    Function,
    Import,
    Mention,
    Parameter,
    Problem,
    Returned,
    Use,
    Where,
    last_name,
)
from netra.guard.source.scoping import BareUse, ScopeNames, unbound

# Longer texts are cut: what is looked for in a string (a variable's name, the beginning of a statement) stands at its start.
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

# The two sorts of facts of which there are most by far: a named tuple checks nothing either, and takes twice as long.
_CALL_SITE: Final = partial(tuple.__new__, CallSite)
_ATTRIBUTE_READ: Final = partial(tuple.__new__, AttributeRead)

SYMBOLS: Final = {ast.Mod: "%", ast.Add: "+", ast.BitOr: "|"}


class _Frame:
    """The function that is being read: what `Function` will hold, still growing."""

    def __init__(
        self, index: int, name: str, qualified: str, sort: str, parent: int, owner: int, around: "_Frame | None" = None
    ) -> None:
        self.around = around
        self.index, self.name, self.qualified, self.sort, self.parent, self.owner = index, name, qualified, sort, parent, owner
        self.calls: list[CallSite | None] = []
        self.assignments: list[Assignment] = []
        self.uses: list[BareUse] = []
        self.returned: list[Returned] = []
        self.blocks: list[Block] = []
        self.imports: list[Import] = []
        self.awaits: list[tuple[Expression, int, int, int]] = []
        self.asserts: list[tuple[Expression, int]] = []
        self.globals: list[str] = []
        self.mentions: list[Mention] = []
        self.raises: list[int] = []
        self.reads: list[AttributeRead] = []
        self.names = ScopeNames(index, sort, parent)
        self.jumps: list[tuple[str, int]] = []


class Collector:
    """Collects the facts of one file; use `collect`."""

    def __init__(self) -> None:
        self._functions: list[Function | None] = []
        self._classes: list[Class | None] = []
        self._exports: list[str] | None = None
        self._problems: list[Problem] = []
        self._watched = set(WATCHED)
        self._scopes: list[ScopeNames] = []
        self._checking = 0
        self._frame = _Frame(0, "", "", TOP, -1, -1)
        # The same few names stand in a file again and again. As one object each, they are stored and loaded once.
        self._names: dict[str, Expression] = {}
        self._attributes: dict[str, Where] = {}
        self._expressions = {
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
        self._statements = {
            ast.FunctionDef: self._function,
            ast.AsyncFunctionDef: self._function,
            ast.ClassDef: self._class,
            ast.Expr: self._expr,
            ast.Assign: self._assign,
            ast.AnnAssign: self._annotated,
            ast.AugAssign: self._augmented,
            ast.Return: self._return,
            ast.If: self._if,
            ast.While: self._while,
            ast.For: self._for,
            ast.AsyncFor: self._for,
            ast.With: self._with,
            ast.AsyncWith: self._with,
            ast.Try: self._try,
            ast.TryStar: self._try,
            ast.Raise: self._raise,
            ast.Assert: self._assert,
            ast.Import: self._import,
            ast.ImportFrom: self._import_from,
            ast.Global: self._global,
            ast.Nonlocal: self._global,
            ast.Delete: self._delete,
            ast.Match: self._match,
            ast.Break: self._break,
            ast.Continue: self._continue,
        }
        if sys.version_info >= (3, 12):
            self._statements[ast.TypeAlias] = self._type_alias

    def collect(self, body: list[ast.stmt], lines: int) -> File:
        """The facts of a file with these statements; `lines` is how many it has. Comments come from `source`."""
        self._functions.append(None)
        self._block(body)
        self._functions[0] = self._finished(self._frame, 1, 0, lines, (), (), None, abstract=False, examples=False)
        functions = tuple(each for each in self._functions if each is not None)
        classes = tuple(each for each in self._classes if each is not None)
        exports = None if self._exports is None else tuple(self._exports)
        return File(functions, classes, exports, (), tuple(self._problems), lines, unbound(self._scopes))

    # --- scopes ----------------------------------------------------------------------------------------------------------

    def _finished(
        self,
        frame: _Frame,
        line: int,
        column: int,
        end_line: int,
        decorators: tuple[Decorator, ...],
        parameters: tuple[Parameter, ...],
        returns: Expression | None,
        *,
        abstract: bool,
        examples: bool,
        falls: bool = False,
    ) -> Function:
        frame.names.close(frame.uses, parameters, frame.globals, frame.blocks)
        self._scopes.append(frame.names)
        # Uses are kept of names whose value may be a coroutine: parameters, and what is assigned. The rest is bulk.
        kept = {parameter.name for parameter in parameters}
        for target, value, *_ in frame.assignments:
            if target[0] == "name" and value[0] not in ("string", "constant", "none", "dict", "list", "set"):
                kept.add(target[1])
        return Function(
            frame.index,
            frame.name,
            frame.qualified,
            frame.sort,
            frame.parent,
            frame.owner,
            line,
            column,
            end_line,
            decorators,
            parameters,
            returns,
            tuple([call for call in frame.calls if call is not None]),
            tuple(frame.assignments),
            tuple([Use._make(use) for use in frame.uses if use[0] in kept or use[0].startswith("self.")]),
            tuple(frame.returned),
            tuple(frame.blocks),
            tuple(frame.imports),
            tuple(frame.awaits),
            tuple(frame.asserts),
            tuple(frame.globals),
            tuple(sorted({use[0] for use in frame.uses if "." not in use[0]})),
            abstract,
            examples,
            tuple(frame.mentions),
            tuple(frame.raises),
            falls,
            tuple(frame.reads),
            tuple(frame.jumps),
        )

    def _open(self, name: str, sort: str, owner: int) -> _Frame:
        around = self._frame
        self._functions.append(None)
        qualified = f"{around.qualified}.{name}" if around.qualified else name
        self._frame = _Frame(len(self._functions) - 1, name, qualified, sort, around.index, owner, around)
        self._frame.names.checking = self._checking > 0
        return around

    def _type_parameters(self, node: ast.stmt) -> None:
        """What only a newer Python than 3.11 parses: `def first[T](…)`, `class Box[T]`."""
        for each in getattr(node, "type_params", ()):
            self._frame.names.bind(each.name, 0)

    def _decorators(self, nodes: list[ast.expr]) -> tuple[Decorator, ...]:
        found = []
        for node in nodes:
            match self.expression(node, DECORATOR):
                case ("call", index):
                    call = self._frame.calls[index]
                    assert call is not None
                    found.append(Decorator(call.callee, True, call.arguments, call.keywords, node.lineno))
                case decorator:
                    found.append(Decorator(decorator, False, (), (), node.lineno))
        return tuple(found)

    def _function(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        decorators = self._decorators(node.decorator_list)
        parameters = self._parameters(node.args)
        returns = None if node.returns is None else annotation(node.returns)
        owner = self._frame.owner if self._frame.sort == BODY else -1
        self._frame.names.bind(node.name, node.lineno)
        around = self._open(node.name, ASYNC if isinstance(node, ast.AsyncFunctionDef) else PLAIN, owner)
        self._type_parameters(node)
        self._block(node.body)
        frame, self._frame = self._frame, around
        self._functions[frame.index] = self._finished(
            frame,
            node.lineno,
            node.col_offset,
            node.end_lineno or node.lineno,
            decorators,
            parameters,
            returns,
            abstract=_is_empty(node.body),
            examples=">>>" in (ast.get_docstring(node, clean=False) or ""),
            falls=not _ends(node.body),
        )

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

    def _parameter(self, argument: ast.arg, default: ast.expr | None, position: str) -> Parameter:
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
            case ast.Subscript(
                value=ast.Name(id="Annotated") | ast.Attribute(attr="Annotated") as name, slice=ast.Tuple(elts=of)
            ):
                before = len(self._frame.uses)
                inner = [annotation(of[0]), *(self.expression(each, DEFAULT) for each in of[1:])]
                self._frame.names.pass_over(before, len(self._frame.uses))
                return ("subscript", annotation(name), ("tuple", tuple(inner)))
        return annotation(node)

    def _class(self, node: ast.ClassDef) -> None:
        decorators = self._decorators(node.decorator_list)
        bases = tuple(self.expression(each, ELSEWHERE) for each in node.bases)
        keywords = tuple((each.arg or "**", self.expression(each.value, ELSEWHERE)) for each in node.keywords)
        scope = self._frame.index
        self._frame.names.bind(node.name, node.lineno)
        self._classes.append(None)
        index = len(self._classes) - 1
        around = self._open(node.name, BODY, index)
        # Methods do not see the names of their class, except these.
        self._type_parameters(node)
        self._block(node.body)
        frame, self._frame = self._frame, around
        last = node.end_lineno or node.lineno
        self._functions[frame.index] = self._finished(
            frame, node.lineno, node.col_offset, last, (), (), None, abstract=False, examples=False
        )
        self._classes[index] = Class(
            index,
            node.name,
            frame.qualified,
            scope,
            frame.index,
            bases,
            keywords,
            decorators,
            node.lineno,
            node.col_offset,
            last,
        )

    # --- statements ------------------------------------------------------------------------------------------------------

    def _block(self, statements: list[ast.stmt]) -> None:
        frame = self._frame
        for statement in statements:
            if visit := self._statements.get(type(statement)):
                try:
                    visit(statement)  # type: ignore[operator]
                except RecursionError:
                    self._give_up(statement, frame)

    def _give_up(self, statement: ast.stmt, frame: _Frame) -> None:
        """Leave out a statement that is nested too deeply; what it has begun is finished, so that indexes stay true."""
        self._frame = frame
        last = statement.end_lineno or statement.lineno
        nested = "the statement is nested too deeply to be followed"
        self._problems.append(Problem(statement.lineno, statement.col_offset, last, nested, ""))
        gone = CallSite(OTHER, (), (), ELSEWHERE, statement.lineno, statement.col_offset, last, statement.end_col_offset or 0)
        frame.calls = [gone if call is None else call for call in frame.calls]
        growing = self._growing(frame)
        for index, function in enumerate(self._functions):
            if function is None and index not in growing:
                left = _Frame(index, "", "", LAMBDA, frame.index, -1)
                self._functions[index] = self._finished(
                    left, statement.lineno, statement.col_offset, last, (), (), None, abstract=True, examples=False
                )

    def _growing(self, frame: _Frame) -> set[int]:
        """The functions around a place, which are not finished yet."""
        found = set()
        at: _Frame | None = frame
        while at is not None:
            found.add(at.index)
            at = at.around
        return found

    def _expr(self, node: ast.Expr) -> None:
        self.expression(node.value, STATEMENT)

    def _assign(self, node: ast.Assign) -> None:
        first = node.targets[0]
        target = self._target(first)
        value = self.expression(node.value, ("assign", target))
        if target[0] == "name" and self._is_watched(value):
            self._watched.add(target[1])
        self._store(first, target, value, None, "=")
        for other in node.targets[1:]:
            self._store(other, self._target(other), value, None, "=")
        self._note_exports(target, node.value)

    def _note_exports(self, target: Expression, value: ast.expr) -> None:
        if target == ("name", "__all__") and self._frame.sort == TOP:
            texts = (each.value for each in ast.walk(value) if isinstance(each, ast.Constant))
            self._exports = [each for each in texts if isinstance(each, str)]

    def _is_watched(self, value: Expression) -> bool:
        """Another name for something in `WATCHED`, or for a method of it: `env = os.environ`, `get = os.environ.get`."""
        return last_name(value) in self._watched or (value[0] == "attribute" and last_name(value[1]) in self._watched)

    def _target(self, node: ast.expr) -> Expression:
        if isinstance(node, ast.Name):
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

    def _annotated(self, node: ast.AnnAssign) -> None:
        target = self._target(node.target)
        value = OTHER if node.value is None else self.expression(node.value, ("assign", target))
        self._store(node.target, target, value, self._annotation(node.annotation), "annotated" if node.value else "declared")
        if node.value is not None:
            self._note_exports(target, node.value)

    def _augmented(self, node: ast.AugAssign) -> None:
        target = self._target(node.target)
        self._store(node.target, target, self.expression(node.value, OPERATOR), None, "augmented")

    def _break(self, node: ast.Break) -> None:
        self._frame.jumps.append(("break", node.lineno))

    def _continue(self, node: ast.Continue) -> None:
        self._frame.jumps.append(("continue", node.lineno))

    def _return(self, node: ast.Return) -> None:
        if node.value is None:
            self._frame.jumps.append(("return", node.lineno))
        else:
            value = self.expression(node.value, RETURN)
            self._frame.returned.append(Returned(value, "return", node.lineno, node.col_offset))

    def _lines(self, what: str, of: tuple[Expression, ...], statements: list[ast.stmt], head: int | None) -> None:
        if statements:
            line = statements[0].lineno
            self._frame.blocks.append(Block(what, of, line, statements[-1].end_lineno or 0, min(head or 0, line - 1)))

    def _if(self, node: ast.If) -> None:
        while True:
            test = self.expression(node.test, TRUTH)
            self._lines("if", (test,), node.body, node.test.end_lineno)
            self._lines("else", (test,), node.orelse, node.body[-1].end_lineno)
            self._branch(node.body, checking=last_name(test) == "TYPE_CHECKING")
            checking = test[0] == "not" and last_name(test[1]) == "TYPE_CHECKING"
            match node.orelse:
                case [ast.If() as following] if not checking:
                    node = following  # hundreds of `elif` are one statement, not hundreds in one another
                    continue
            self._branch(node.orelse, checking=checking)
            return

    def _branch(self, statements: list[ast.stmt], *, checking: bool) -> None:
        """The statements of a condition; what only type checkers run binds nothing that counts, and reads nothing."""
        if not checking:
            self._block(statements)
            return
        names = self._frame.names
        before = len(self._frame.uses)
        self._checking += 1
        bound, names.bound = names.bound, names.promised
        try:
            self._block(statements)
        finally:  # a statement that is nested too deeply leaves by an error
            names.bound = bound
            self._checking -= 1
        names.pass_over(before, len(self._frame.uses))

    def _while(self, node: ast.While) -> None:
        test = self.expression(node.test, TRUTH)
        self._lines("loop", (test,), node.body, node.test.end_lineno)
        self._block(node.body)
        self._block(node.orelse)

    def _for(self, node: ast.For | ast.AsyncFor) -> None:
        late = isinstance(node, ast.AsyncFor)
        over = self.expression(node.iter, ITERATE_ASYNC if late else ITERATE)
        self._store(node.target, self._target(node.target), over, None, "for async" if late else "for")
        self._lines("loop", (over,), node.body, node.iter.end_lineno)
        self._block(node.body)
        self._block(node.orelse)

    def _with(self, node: ast.With | ast.AsyncWith) -> None:
        late = isinstance(node, ast.AsyncWith)
        entered = []
        last = node.items[-1].optional_vars or node.items[-1].context_expr
        for item in node.items:
            value = self.expression(item.context_expr, WITH_ASYNC if late else WITH)
            entered.append(value)
            if item.optional_vars is not None:
                target = self._target(item.optional_vars)
                self._store(item.optional_vars, target, value, None, "with async" if late else "with")
        for value in entered:
            self._lines("with async" if late else "with", (value,), node.body, last.end_lineno)
        self._block(node.body)

    def _try(self, node: ast.Try | ast.TryStar) -> None:
        caught: list[Expression] = []
        for handler in node.handlers:
            kind = NOTHING if handler.type is None else self.expression(handler.type, ELSEWHERE)
            caught += kind[1] if kind[0] == "tuple" else [kind]
        before: list[ast.stmt | ast.ExceptHandler] = [*node.body, *node.handlers]
        ahead: list[ast.stmt | ast.ExceptHandler] = [*before, *node.orelse]
        self._lines("try", tuple(caught), node.body, node.lineno)
        self._lines("finally", (), node.finalbody, ahead[-1].end_lineno)
        self._block(node.body)
        for handler in node.handlers:
            kinds = () if handler.type is None else (self.expression(handler.type, ELSEWHERE),)
            self._lines("handler", kinds, handler.body, handler.lineno if handler.type is None else handler.type.end_lineno)
            if handler.name:
                self._frame.names.catch(handler.name, handler.lineno, handler.end_lineno or handler.lineno)
                self._frame.assignments.append(
                    Assignment(("name", handler.name), OTHER, None, "except", handler.lineno, handler.col_offset)
                )
            self._block(handler.body)
        self._lines("otherwise", (), node.orelse, before[-1].end_lineno)
        self._block(node.orelse)
        self._block(node.finalbody)

    def _raise(self, node: ast.Raise) -> None:
        self._frame.raises.append(node.lineno)
        for part in (node.exc, node.cause):
            if part is not None:
                self.expression(part, RAISE)

    def _assert(self, node: ast.Assert) -> None:
        test = self.expression(node.test, TRUTH)
        match node.test:
            case ast.BoolOp(op=ast.Or(), values=values) if any(
                isinstance(each, ast.Constant) and each.value for each in values
            ):
                test = ("operator", "or", test, OTHER)  # true, whatever the others are
        self._frame.asserts.append((test, node.lineno))
        if node.msg is not None:
            self.expression(node.msg, ELSEWHERE)

    def _import(self, node: ast.Import) -> None:
        for alias in node.names:
            bound = alias.asname or alias.name.partition(".")[0]
            module = alias.name if alias.asname else bound
            self._frame.imports.append(Import(module, 0, "", bound, node.lineno))
            self._frame.names.bind(bound, node.lineno)
            if module != alias.name:
                self._frame.imports.append(Import(alias.name, 0, "", "", node.lineno))

    def _import_from(self, node: ast.ImportFrom) -> None:
        for alias in node.names:
            self._frame.imports.append(
                Import(node.module or "", node.level, alias.name, alias.asname or alias.name, node.lineno)
            )
            self._frame.names.bind(alias.asname or alias.name, node.lineno)
            if alias.name in WATCHED and alias.asname:
                self._watched.add(alias.asname)

    def _global(self, node: ast.Global | ast.Nonlocal) -> None:
        self._frame.globals += node.names

    def _delete(self, node: ast.Delete) -> None:
        for target in node.targets:
            self._frame.assignments.append(
                Assignment(self._target(target), OTHER, None, "delete", node.lineno, node.col_offset)
            )

    def _type_alias(self, node: ast.stmt) -> None:
        """`type Name = …`, which Python 3.12 and newer parse."""
        for each in ast.walk(node):
            if isinstance(each, ast.Name) and isinstance(each.ctx, ast.Store):
                self._frame.names.bind(each.id, node.lineno)

    def _match(self, node: ast.Match) -> None:
        subject = self.expression(node.subject, COMPARE)
        for case in node.cases:
            for part in ast.walk(case.pattern):
                match part:
                    case ast.MatchAs(name=str(name)) | ast.MatchStar(name=str(name)) | ast.MatchMapping(rest=str(name)):
                        self._frame.names.bind(name, part.lineno)
                        self._frame.assignments.append(
                            Assignment(("name", name), subject, None, "unpack", part.lineno, part.col_offset)
                        )
            if case.guard is not None:
                self.expression(case.guard, TRUTH)
            rest = case.guard is None and isinstance(case.pattern, ast.MatchAs) and case.pattern.pattern is None
            self._lines("case", () if rest else (subject,), case.body, (case.guard or case.pattern).end_lineno)
            self._block(case.body)

    # --- expressions -----------------------------------------------------------------------------------------------------

    def expression(self, node: ast.expr, where: Where) -> Expression:
        visit = self._expressions.get(type(node))
        return OTHER if visit is None else visit(node, where)  # type: ignore[operator]

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
        inside = self._attributes.get(name)
        if inside is None:
            inside = self._attributes[name] = ("attribute", name)
        value = self.expression(node.value, inside)
        if value == ("name", "self"):
            self._frame.uses.append((f"self.{name}", where, node.lineno, node.col_offset))
        if name in WATCHED:
            self._frame.mentions.append(Mention(("attribute", value, name), where, node.lineno, node.col_offset))
        found = ("attribute", value, name)
        if where is not CALLED and where[0] != "attribute":
            self._frame.reads.append(_ATTRIBUTE_READ((found, where, node.lineno, node.col_offset)))
        return found

    def _call(self, node: ast.Call, where: Where) -> Expression:
        if isinstance(node.func, ast.Name) and node.func.id == "getattr":
            match node:
                case ast.Call(_, [value, ast.Constant(str(name))], []) if name in WATCHED:
                    return self._attribute(ast.copy_location(ast.Attribute(value, name, ast.Load()), node), where)
        calls = self._frame.calls
        index = len(calls)
        calls.append(None)
        expression = self.expression
        callee = expression(node.func, CALLED)
        arguments = tuple([expression(each, ("argument", index, position)) for position, each in enumerate(node.args)])
        keywords = tuple(
            [(name := each.arg or "**", expression(each.value, ("argument", index, name))) for each in node.keywords]
        )
        line = node.lineno
        last, end = node.end_lineno or line, node.end_col_offset or 0
        calls[index] = _CALL_SITE((callee, arguments, keywords, where, line, node.col_offset, last, end))
        return ("call", index)

    def _constant(self, node: ast.Constant, _: Where) -> Expression:
        if node.value is None:
            return NOTHING
        if isinstance(node.value, str):
            return ("string", node.value[:LONGEST_TEXT])
        if isinstance(node.value, bool):
            return ("constant", "bool", node.value)
        return ("constant", type(node.value).__name__)

    def _await(self, node: ast.Await, where: Where) -> Expression:
        value = self.expression(node.value, AWAIT)
        self._frame.awaits.append((value, node.lineno, node.col_offset, node.end_lineno or node.lineno))
        if value[0] == "call":
            # Where the awaited value stands: a coroutine that returns a coroutine is awaited and still not a value.
            call = self._frame.calls[value[1]]
            assert call is not None
            self._frame.calls[value[1]] = call._replace(where=("await", where))
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
        return ("choice", (*parts, self.expression(last, where)))

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
        parts = tuple(self.expression(each, COMPARE) for each in (node.left, *node.comparators))
        return ("compare", parts, tuple(type(each).__name__ for each in node.ops))

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
        frame, self._frame = self._frame, around
        frame.returned.append(Returned(value, "return", node.lineno, node.col_offset))
        self._functions[frame.index] = self._finished(
            frame,
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


def annotation(node: ast.expr) -> Expression:
    """An annotation as an expression; one in quotes is parsed. Nothing is called or assigned in it."""
    match node:
        case ast.Name(id=name):
            return ("name", name)
        case ast.Attribute(value=value, attr=name):
            return ("attribute", annotation(value), name)
        case ast.Subscript(value=value, slice=key):
            return ("subscript", annotation(value), annotation(key))
        case ast.Tuple(elts=parts) | ast.List(elts=parts):
            return ("tuple", tuple(annotation(part) for part in parts))
        case ast.BinOp(left=left, op=ast.BitOr(), right=right):
            return ("operator", "|", annotation(left), annotation(right))
        case ast.Constant(value=None):
            return NOTHING
        case ast.Constant(value=str(text)):
            if text.isidentifier() and not keyword.iskeyword(text):
                return ("name", text)
            try:
                return annotation(ast.parse(text, mode="eval").body)
            except (SyntaxError, ValueError):
                return OTHER
    return OTHER


def _shortened(text: str) -> str:
    """A piece of a formatted string: how it begins, and how it ends in front of the value that follows."""
    return text if len(text) <= LONGEST_TEXT else f"{text[: LONGEST_TEXT - LONGEST_END]} … {text[-LONGEST_END:]}"


def _is_empty(body: list[ast.stmt]) -> bool:
    """Only a docstring, `...`, `pass`, or a NotImplementedError: somebody else's method is meant."""
    for statement in body:
        match statement:
            case ast.Pass() | ast.Expr(value=ast.Constant()):
                continue
            case ast.Raise(exc=ast.Call(func=ast.Name(id="NotImplementedError")) | ast.Name(id="NotImplementedError")):
                continue
        return False
    return True


def _ends(body: list[ast.stmt]) -> bool:
    """Whether every path through the statements returns or raises."""
    for statement in body:
        match statement:
            case ast.Return() | ast.Raise():
                return True
            case ast.If() if _all_end(statement):
                return True
            case ast.With(body=inner) | ast.AsyncWith(body=inner) if _ends(inner):
                return True
            case ast.Try(finalbody=last) if _ends(last):
                return True
            case ast.Try(body=tried, handlers=handlers, orelse=rest):
                if (_ends(tried) or _ends(rest)) and all(_ends(each.body) for each in handlers):
                    return True
            case ast.While(test=ast.Constant(value=True), body=inner):
                if not any(isinstance(each, ast.Break) for part in inner for each in ast.walk(part)):
                    return True
            case ast.Match(cases=cases):
                whole = any(isinstance(each.pattern, ast.MatchAs) and each.pattern.pattern is None for each in cases)
                if whole and all(_ends(each.body) for each in cases):
                    return True
    return False


def _all_end(node: ast.If) -> bool:
    """Whether each branch of an `if` with all its `elif` and `else` returns or raises."""
    while _ends(node.body):
        match node.orelse:
            case [ast.If() as node]:
                continue
        return _ends(node.orelse)
    return False


def collect(body: list[ast.stmt], lines: int) -> File:
    """The facts of a file with these statements."""
    return Collector().collect(body, lines)
