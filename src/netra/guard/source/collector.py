"""One parsed file → its facts: its statements here, what they are made of in `expressions`."""

import ast
import sys
from typing import Final

from netra.guard.facts import (
    ASYNC,
    BODY,
    LAMBDA,
    NAMED,
    NOTHING,
    OTHER,
    PLAIN,
    TOP,
    WATCHED,
    Assignment,
    Block,
    CallSite,
    Class,
    Decorator,
    Expression,
    File,
    Import,
    Mention,
    Problem,
    Returned,
    Unbound,
    last_name,
)
from netra.guard.source.branching import partly_bound
from netra.guard.source.elsewhere_bound import elsewhere_bound
from netra.guard.source.endings import ENDS, GOES_ON, MAY_GO_ON, is_empty, is_leaving, is_stand_in, keeps_nothing_back
from netra.guard.source.expressions import (
    COMPARE,
    DECORATOR,
    ELSEWHERE,
    ITERATE,
    ITERATE_ASYNC,
    OPERATOR,
    RAISE,
    RETURN,
    STATEMENT,
    TRUTH,
    WITH,
    WITH_ASYNC,
    Expressions,
    annotation,
)
from netra.guard.source.frames import Frame
from netra.guard.source.patterns import asked_classes
from netra.guard.source.scoping import unbound
from netra.guard.source.skipping import skipped
from netra.guard.source.walking import walked

COMPREHENSIONS: Final = (ast.ListComp, ast.SetComp, ast.GeneratorExp)


class Collector(Expressions):
    """Collects the facts of one file; use `collect`."""

    def __init__(self, text: str = "") -> None:
        super().__init__(text)
        self._classes: list[Class | None] = []
        self._exports: list[str] | None = None
        self._problems: list[Problem] = []
        self._returned_at_once: ast.Assign | None = None
        self._returned_value: Expression | None = None
        """Of an assignment that was read last, where the next statement returns what it has assigned."""
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
        self._scopes.append(self._frame.names)
        self._functions[0] = self._frame.finished(1, 0, lines, (), (), None, abstract=False, examples=False)
        functions = tuple(each for each in self._functions if each is not None)
        classes = tuple(each for each in self._classes if each is not None)
        exports = None if self._exports is None else tuple(self._exports)
        return File(functions, classes, exports, (), tuple(self._problems), lines, unbound(self._scopes))

    # --- definitions -----------------------------------------------------------------------------------------------------

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
        returns = None if node.returns is None else annotation(node.returns, self._own.renamed)
        owner = self._frame.owner if self._frame.sort == BODY else -1
        self._forget(node.name)
        self._frame.names.bind(node.name, node.lineno)
        around = self._open(node.name, ASYNC if isinstance(node, ast.AsyncFunctionDef) else PLAIN, owner)
        self._type_parameters(node)
        ending = self._block(node.body)
        frame = self._leave(around)
        self._functions[frame.index] = frame.finished(
            node.lineno,
            node.col_offset,
            node.end_lineno or node.lineno,
            decorators,
            parameters,
            returns,
            abstract=is_empty(node.body),
            examples=">>>" in (ast.get_docstring(node, clean=False) or ""),
            falls=ending == GOES_ON,
        )
        for each in partly_bound(node.body, frame.names.bound, frame.uses, frame.blocks, frame.endings):
            if each.name not in frame.globals and not frame.names.is_caught(each.name):
                how = "uncovered" if each.chained else "sometimes"
                frame.names.lost.append(Unbound(frame.index, each.name, how, each.line, each.column, each.bound))
        for other in skipped(node.body, frame.names.bound, frame.uses, frame.blocks, frame.endings):
            if other.name not in frame.globals and not frame.names.is_caught(other.name):
                frame.names.lost.append(Unbound(frame.index, other.name, "skipped", other.line, other.column, other.branch))
        for apart in elsewhere_bound(node, frame.names.bound, frame.uses, frame.blocks):
            if apart.name not in frame.globals and not frame.names.is_caught(apart.name):
                frame.names.lost.append(Unbound(frame.index, apart.name, apart.how, apart.line, apart.column, apart.bound))

    def _class(self, node: ast.ClassDef) -> None:
        decorators = self._decorators(node.decorator_list)
        bases = tuple(self.expression(each, ELSEWHERE) for each in node.bases)
        keywords = tuple((each.arg or "**", self.expression(each.value, ELSEWHERE)) for each in node.keywords)
        scope = self._frame.index
        self._forget(node.name)
        self._frame.names.bind(node.name, node.lineno)
        self._classes.append(None)
        index = len(self._classes) - 1
        around = self._open(node.name, BODY, index)
        # Methods do not see the names of their class, except these.
        self._type_parameters(node)
        self._block(node.body)
        frame = self._leave(around)
        last = node.end_lineno or node.lineno
        self._functions[frame.index] = frame.finished(
            node.lineno, node.col_offset, last, (), (), None, abstract=is_stand_in(node.body), examples=False
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

    def _block(self, statements: list[ast.stmt]) -> int:
        """Read statements that follow one another. Gives what becomes of the way through them: see `endings`."""
        frame = self._frame
        ending, used = GOES_ON, -1
        for number, statement in enumerate(statements):
            if ending == ENDS and used < 0:
                used = self._pass_over(statements, number)
            if type(statement) is ast.Assign and number + 1 < len(statements):
                self._returned_at_once = statement if self._is_returned(statement, statements[number + 1]) else None
            if visit := self._statements.get(type(statement)):
                try:
                    becomes = visit(statement)  # type: ignore[operator]
                    if becomes is not None and becomes > ending:
                        ending = becomes
                except RecursionError:
                    self._give_up(statement, frame)
        if used >= 0:
            frame.names.pass_over(used, len(frame.uses))
        frame.endings[id(statements)] = ending
        return ending

    def _pass_over(self, statements: list[ast.stmt], first: int) -> int:
        """Nobody reaches these statements from the first on. Gives how many names have been used before."""
        line = min([statements[first].lineno, *(each.lineno for each in getattr(statements[first], "decorator_list", ()))])
        if first:
            line = max(line, (statements[first - 1].end_lineno or 0) + 1)  # `return 1; print(2)`
        self._frame.unreached.append((line, statements[-1].end_lineno or line))
        return len(self._frame.uses)

    def _never(self, statements: list[ast.stmt]) -> None:
        """Read the statements of a branch that nobody takes."""
        if statements:
            used = self._pass_over(statements, 0)
            self._block(statements)
            self._frame.names.pass_over(used, len(self._frame.uses))

    def _give_up(self, statement: ast.stmt, frame: Frame) -> None:
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
                left = Frame(index, "", "", LAMBDA, frame.index, -1)
                self._scopes.append(left.names)
                self._functions[index] = left.finished(
                    statement.lineno, statement.col_offset, last, (), (), None, abstract=True, examples=False
                )

    def _growing(self, frame: Frame) -> set[int]:
        """The functions around a place, which are not finished yet."""
        found = set()
        at: Frame | None = frame
        while at is not None:
            found.add(at.index)
            at = at.around
        return found

    def _expr(self, node: ast.Expr) -> int:
        self.expression(node.value, STATEMENT)
        return ENDS if isinstance(node.value, ast.Call | ast.BinOp) and is_leaving(node.value) else GOES_ON

    def _is_returned(self, node: ast.Assign, following: ast.stmt) -> bool:
        """`result = await read()` and then `return result`: that is `return await read()`, with a name for it."""
        match node.targets, following:
            case [ast.Name(name)], ast.Return(value=ast.Name(returned)):
                return name == returned and name not in self._frame.globals
        return False

    def _assign(self, node: ast.Assign) -> None:
        first = node.targets[0]
        target = self._target(first)
        returned = node is self._returned_at_once
        value = self.expression(node.value, RETURN if returned else ("assign", target))
        self._returned_value = value if returned else None
        if target[0] == "name" and value[0] in NAMED and self._is_watched(value):
            self._watched.add(target[1])
        self._store(first, target, value, None, "=")
        for other in node.targets[1:]:
            self._store(other, self._target(other), value, None, "=")
        if target[-1] == "__all__":
            self._note_exports(target, node.value)

    def _note_exports(self, target: Expression, value: ast.expr) -> None:
        if target == ("name", "__all__") and self._frame.sort == TOP:
            parts = walked(value)
            texts = (each.value for each in parts if isinstance(each, ast.Constant))
            # `[name for name in dir() if name.isupper()]`: whatever it is, it is made of what the module has.
            computed = any(isinstance(each, COMPREHENSIONS) for each in parts)
            self._exports = None if computed else [each for each in texts if isinstance(each, str)]

    def _is_watched(self, value: Expression) -> bool:
        """Another name for something in `WATCHED`, or for a method of it: `env = os.environ`, `get = os.environ.get`."""
        return last_name(value) in self._watched or (value[0] == "attribute" and last_name(value[1]) in self._watched)

    def _annotated(self, node: ast.AnnAssign) -> None:
        target = self._target(node.target)
        value = OTHER if node.value is None else self.expression(node.value, ("assign", target))
        self._store(node.target, target, value, self._annotation(node.annotation), "annotated" if node.value else "declared")
        if node.value is not None:
            self._note_exports(target, node.value)

    def _augmented(self, node: ast.AugAssign) -> None:
        target = self._target(node.target)
        if last_name(target) in self._watched:
            self._frame.mentions.append(Mention(target, ("store",), node.lineno, node.col_offset))
        self._store(node.target, target, self.expression(node.value, OPERATOR), None, "augmented")

    def _break(self, node: ast.Break) -> int:
        self._frame.jumps.append(("break", node.lineno))
        return ENDS

    def _continue(self, node: ast.Continue) -> int:
        self._frame.jumps.append(("continue", node.lineno))
        return ENDS

    def _return(self, node: ast.Return) -> int:
        if node.value is None:
            self._frame.jumps.append(("return", node.lineno))
        else:
            value = self._returned_value or self.expression(node.value, RETURN)
            self._returned_value = None
            self._frame.returned.append(Returned(value, "return", node.lineno, node.col_offset))
        return ENDS

    def _lines(self, what: str, of: tuple[Expression, ...], statements: list[ast.stmt], head: int | None) -> None:
        if statements:
            decorators: list[ast.expr] = getattr(statements[0], "decorator_list", [])
            line = decorators[0].lineno if decorators else statements[0].lineno
            self._frame.blocks.append(Block(what, of, line, statements[-1].end_lineno or 0, min(head or 0, line - 1)))

    def _if(self, node: ast.If) -> int:
        ending = ENDS
        while True:
            test = self.expression(node.test, TRUTH)
            self._lines("if", (test,), node.body, node.test.end_lineno)
            self._lines("else", (test,), node.orelse, node.body[-1].end_lineno)
            match node.test:
                case ast.Constant(value=value) if value:
                    ending = min(ending, self._block(node.body))
                    self._never(node.orelse)
                    return ending
                case ast.Constant():  # `if 0:`, by which somebody has put the code aside
                    self._never(node.body)
                    return min(ending, self._block(node.orelse))
            ending = min(ending, self._branch(node.body, checking=last_name(test) == "TYPE_CHECKING"))
            checking = test[0] == "not" and last_name(test[1]) == "TYPE_CHECKING"
            match node.orelse:
                case [ast.If() as following] if not checking:
                    node = following  # hundreds of `elif` are one statement, not hundreds in one another
                    continue
            return min(ending, self._branch(node.orelse, checking=checking))

    def _branch(self, statements: list[ast.stmt], *, checking: bool) -> int:
        """The statements of a condition; what only type checkers run binds nothing that counts, and reads nothing."""
        if not checking:
            return self._block(statements)
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
        return GOES_ON

    def _while(self, node: ast.While) -> int:
        test = self.expression(node.test, TRUTH)
        self._lines("loop", (test,), node.body, node.test.end_lineno)
        jumps = len(self._frame.jumps)
        match node.test:
            case ast.Constant(value=value) if not value:
                self._never(node.body)
                return self._block(node.orelse)
            case ast.Constant():
                self._block(node.body)
                self._never(node.orelse)
                return GOES_ON if any(how == "break" for how, _ in self._frame.jumps[jumps:]) else ENDS
        self._block(node.body)
        self._block(node.orelse)
        return GOES_ON

    def _for(self, node: ast.For | ast.AsyncFor) -> None:
        late = isinstance(node, ast.AsyncFor)
        over = self.expression(node.iter, ITERATE_ASYNC if late else ITERATE)
        self._store(node.target, self._target(node.target), over, None, "for async" if late else "for")
        self._lines("loop", (over,), node.body, node.iter.end_lineno)
        self._block(node.body)
        self._block(node.orelse)

    def _with(self, node: ast.With | ast.AsyncWith) -> int:
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
        return min(self._block(node.body), ENDS if all(map(self._keeps_nothing_back, entered)) else MAY_GO_ON)

    def _keeps_nothing_back(self, entered: Expression) -> bool:
        call = self._frame.calls[entered[1]] if entered[0] == "call" else None
        return keeps_nothing_back(entered, None if call is None else call.callee)

    def _try(self, node: ast.Try | ast.TryStar) -> int:
        caught: list[Expression] = []
        for handler in node.handlers:
            kind = NOTHING if handler.type is None else self.expression(handler.type, ELSEWHERE)
            caught += kind[1] if kind[0] == "tuple" else [kind]
        before: list[ast.stmt | ast.ExceptHandler] = [*node.body, *node.handlers]
        ahead: list[ast.stmt | ast.ExceptHandler] = [*before, *node.orelse]
        self._lines("try", tuple(caught), node.body, node.lineno)
        self._lines("finally", (), node.finalbody, ahead[-1].end_lineno)
        tried = self._block(node.body)
        handled = ENDS
        for handler in node.handlers:
            kinds = () if handler.type is None else (self.expression(handler.type, ELSEWHERE),)
            self._lines("handler", kinds, handler.body, handler.lineno if handler.type is None else handler.type.end_lineno)
            if handler.name:
                self._frame.names.catch(handler.name, handler.lineno, handler.end_lineno or handler.lineno)
                self._frame.assignments.append(
                    Assignment(("name", handler.name), OTHER, None, "except", handler.lineno, handler.col_offset)
                )
            handled = min(handled, self._block(handler.body))
        self._lines("otherwise", (), node.orelse, before[-1].end_lineno)
        otherwise = self._block(node.orelse)
        return max(min(handled, max(tried, otherwise)), self._block(node.finalbody))

    def _raise(self, node: ast.Raise) -> int:
        self._frame.raises.append(node.lineno)
        for part in (node.exc, node.cause):
            if part is not None:
                self.expression(part, RAISE)
        return ENDS

    def _assert(self, node: ast.Assert) -> int:
        test = self.expression(node.test, TRUTH)
        match node.test:
            case ast.BoolOp(op=ast.Or(), values=values) if any(
                isinstance(each, ast.Constant) and each.value for each in values
            ):
                test = ("operator", "or", test, OTHER)  # true, whatever the others are
        self._frame.asserts.append((test, node.lineno))
        if node.msg is not None:
            self.expression(node.msg, ELSEWHERE)
        # `assert False, "no such mode"` lets nobody go on.
        return ENDS if isinstance(node.test, ast.Constant) and not node.test.value else GOES_ON

    def _import(self, node: ast.Import) -> None:
        for alias in node.names:
            bound = alias.asname or alias.name.partition(".")[0]
            module = alias.name if alias.asname else bound
            self._frame.imports.append(Import(module, 0, "", bound, node.lineno))
            self._frame.names.bind(bound, node.lineno)
            if module != alias.name:
                self._frame.imports.append(Import(alias.name, 0, "", "", node.lineno))
            if self._frame.sort == TOP:
                for each in self._own.open(module, bound):
                    self._say(each, node, module, 0)

    def _import_from(self, node: ast.ImportFrom) -> None:
        for alias in node.names:
            bound = alias.asname or alias.name
            self._frame.imports.append(Import(node.module or "", node.level, alias.name, bound, node.lineno))
            self._frame.names.bind(bound, node.lineno)
            self._forget(bound)
            if alias.name in WATCHED and alias.asname:
                self._watched.add(alias.asname)
            elif alias.asname and self._frame.sort == TOP and self._own.give(bound, alias.name):
                self._names[bound] = ("name", alias.name)
                self._say(alias.name, node, node.module or "", node.level)

    def _say(self, own: str, node: ast.ImportFrom | ast.Import, module: str, level: int) -> None:
        """Facts call by its own name what is imported otherwise: see `OwnNames`."""
        self._frame.imports.append(Import(module, level, own, own, node.lineno, unsaid=True))
        self._frame.names.bind(own, node.lineno)

    def _global(self, node: ast.Global | ast.Nonlocal) -> None:
        self._frame.globals += node.names

    def _delete(self, node: ast.Delete) -> None:
        for target in node.targets:
            self._frame.assignments.append(
                Assignment(self._target(target), OTHER, None, "delete", node.lineno, node.col_offset)
            )

    def _type_alias(self, node: ast.stmt) -> None:
        """`type Name = …`, which Python 3.12 and newer parse."""
        for each in walked(node):
            if isinstance(each, ast.Name) and isinstance(each.ctx, ast.Store):
                self._frame.names.bind(each.id, node.lineno)

    def _match(self, node: ast.Match) -> int:
        subject = self.expression(node.subject, COMPARE)
        ending, whole = ENDS, False
        for case in node.cases:
            for part in walked(case.pattern):
                match part:
                    case ast.MatchAs(name=str(name)) | ast.MatchStar(name=str(name)) | ast.MatchMapping(rest=str(name)):
                        self._frame.names.bind(name, part.lineno)
                        self._frame.assignments.append(
                            Assignment(("name", name), subject, None, "unpack", part.lineno, part.col_offset)
                        )
            if case.guard is not None:
                self.expression(case.guard, TRUTH)
            classes, whole = asked_classes(case.pattern)
            first, last = case.body[0].lineno, case.body[-1].end_lineno or case.body[-1].lineno
            self._frame.cases.append((node.lineno, subject, classes, whole and case.guard is None, first, last))
            rest = case.guard is None and isinstance(case.pattern, ast.MatchAs) and case.pattern.pattern is None
            self._lines("case", () if rest else (subject,), case.body, (case.guard or case.pattern).end_lineno)
            ending = min(ending, self._block(case.body))
            whole = whole or rest
        return ending if whole else GOES_ON


def collect(body: list[ast.stmt], lines: int, text: str = "") -> File:
    """The facts of a file with these statements, read from this text."""
    return Collector(text).collect(body, lines)
