"""E107."""

import re
from collections.abc import Iterator
from typing import Final

from netra.guard.analysis import Analysis
from netra.guard.database.statements import Piece, Statements
from netra.guard.environment import is_edge
from netra.guard.facts import Expression, last_name
from netra.guard.faults import CERTAIN, Mend, Sighting
from netra.guard.meaning.expressions import written
from netra.guard.requests.request_values import RequestValues
from netra.guard.requests.shells import ShellText, joined, shell_texts
from netra.guard.rule import rule
from netra.guard.symbols import FunctionSymbol
from netra.guard.values import Step

# Behind these a command begins: who writes one there is meant to choose what is run.
COMMAND: Final = re.compile(
    r"(?:^|[;&|(`\n{]|\b(?:then|do|else|sudo|exec|nohup|time|eval|env|xargs|activate)|(?:sh|python3?|node)\s+-[a-z]*[ce]\s*[\"']?)\s*$"
)
# And so is who fills what is called so.
OF_COMMANDS: Final = re.compile(
    r"(?:\w+_)?(?:command|commands|cmd|cmds|script|code|shell|snippet|bash)(?:_\w+)?", re.IGNORECASE
)


@rule("E107", "text-for-a-shell", hesitant=True)
def text_for_a_shell(analysis: Analysis) -> Iterator[Sighting]:
    """What somebody else has written stands unquoted in a text that a shell runs.

    Whoever chooses the value chooses what is run, with all secrets of the server in its environment: `$(env)` is enough. Quotes
    that are written around it are no wall, as the value may hold one itself.

    ```python
    @app.get("/size")
    async def size(folder: str):
        return subprocess.check_output(f"du -sh '{folder}'", shell=True)  # E107
    ```

    Looked at are `shell=True`, `os.system`, `create_subprocess_shell`, `sh -c` and what is run over SSH, also through the
    functions between, and what a route or a chat brings or a model gives a tool. Left alone are numbers and enums, what was
    quoted (`shlex.quote`) or compared or matched before, what runs in a container, and a text of which the value is the command
    itself: to run that is what such a tool is there for.

    Give a list of arguments to the program itself, without a shell, or quote each value with `shlex.quote`.
    """
    statements, values = analysis.once(Statements), analysis.once(RequestValues)
    seen: set[tuple[FunctionSymbol, int, Expression]] = set()
    for each in analysis.once(shell_texts):
        if is_edge(each.scope.module):
            continue
        for piece, before in _values_inside(statements, each):
            place = piece.line or each.call.line
            if (piece.scope, place, piece.value) in seen:
                continue
            assert piece.value is not None
            source = _source(values, piece.value, piece.scope)
            if source is None:
                continue
            seen.add((piece.scope, place, piece.value))
            call = each.call
            message = f"`{written(piece.value, piece.scope)}` is written unquoted into a text that a shell runs"
            step = Step(piece.scope.module.path, place, f"the text is put together here: `{before}…`")
            mend = Mend("give a list of arguments and no shell, or quote it with `shlex.quote`")
            yield Sighting(
                each.scope, call.line, call.column, call.end_line, message, (*source, step, *each.below), mend, CERTAIN
            )
            break


def _values_inside(statements: Statements, each: ShellText) -> Iterator[tuple[Piece, str]]:
    """What stands in the text as an argument, with how the text begins."""
    before = start = ""
    for piece in _pieces(statements, each.text, each.scope):
        if piece.value is None:
            before += piece.text
            start = start or " ".join(piece.text.split())[:40]
            continue
        name = last_name(piece.value[1] if piece.value[0] == "subscript" else piece.value) or ""
        if start and not COMMAND.search(before) and not OF_COMMANDS.fullmatch(name):
            yield piece, start
        before += "?"


def _pieces(statements: Statements, text: Expression, scope: FunctionSymbol) -> Iterator[Piece]:
    """The pieces of a text, of those that a function around has put together as well."""
    if joined(text, scope) in scope.parameters:
        return  # the callers have the texts
    for piece in statements.parts(text, scope):
        at = scope
        while piece.value is not None and piece.value[0] == "name" and piece.value[1] not in at.bound and at.parent is not None:
            at = at.parent
        if piece.scope is scope and at is not scope and at.parent is not None and piece.value is not None:
            yield from statements.parts(piece.value, at)
        else:
            yield piece


def _source(values: RequestValues, value: Expression, scope: FunctionSymbol) -> tuple[Step, ...] | None:
    """Who has written a value: the steps from where it comes in. None where nobody outside has."""
    match value:
        case ("call", int(index)):
            call = scope.facts.calls[index]
            if call.callee[0] == "attribute" and call.callee[2] == "join" and call.arguments:
                return _source(values, call.arguments[0], scope)
        case ("name", str(name)) if name not in scope.parameters and not values.is_compared(scope, name):
            match [each.value for each in scope.assigned.get(name, ())]:
                case [("call" | "comprehension" | "choice", *_) as only] if only != value:
                    return _source(values, only, scope)
        case ("comprehension", _, element):
            return _source(values, element, scope)
        case ("choice", parts):
            return next((found for each in parts if (found := _source(values, each, scope)) is not None), None)
    root = values.root(value, scope)
    if root is None or values.is_harmless_value(value, scope):
        return None
    if root.request:
        return (Step(scope.module.path, scope.facts.line, root.request),)
    return values.sent(scope, root.name) or values.chosen_by_model(scope, root.name, root.field)
