"""Commands of Typer and click that are declared `async def`: the library calls them, and awaits nothing."""

from collections.abc import Iterator
from typing import Final

from netra.guard.facts import ASYNC, Decorator, Expression, last_name
from netra.guard.program import Program
from netra.guard.symbols import External, FunctionSymbol, VariableSymbol

LIBRARIES: Final = frozenset({"typer", "click"})
TAKING: Final = frozenset({"command", "callback", "group"})
# What makes a thing on which commands are registered.
MAKERS: Final = frozenset({"typer.Typer", "click.Group"})


def dropped_commands(program: Program) -> Iterator[tuple[FunctionSymbol, Decorator, str]]:
    """Each function whose coroutine is dropped, with the decorator that takes it and the library."""
    for scope in program.scopes:
        if scope.facts.sort != ASYNC or scope.facts.yields or not scope.facts.decorators or scope.module.in_tests:
            continue
        if scope.parent is None or (taking := _taking(scope)) is None:
            continue
        made = [_library(each.callee, scope.parent, program) for each in scope.facts.decorators]
        # Any other decorator may be there to run it.
        if None not in made and not _runs_what_it_gets(scope) and not _is_called_otherwise(scope):
            yield scope, taking, made[0] or ""


def _taking(scope: FunctionSymbol) -> Decorator | None:
    return next((each for each in scope.facts.decorators if last_name(each.callee) in TAKING), None)


def _library(callee: Expression, scope: FunctionSymbol, program: Program) -> str | None:
    """The library itself, or the one that made what the decorator is asked of, without a class of the program between them."""
    match program.evaluate(callee, scope):
        case External(dotted=dotted) if dotted.partition(".")[0] in LIBRARIES:
            return dotted.partition(".")[0]
    if callee[0] != "attribute" or callee[2] not in TAKING:
        return None
    match program.evaluate(callee[1], scope):
        case VariableSymbol(scope=at, name=name):
            given = [each.value for each in at.assigned.get(name, ())]
            if len(given) == 1 and given[0][0] == "call":
                match program.evaluate(at.facts.calls[given[0][1]].callee, at):
                    case External(dotted=dotted) if dotted in MAKERS:
                        return dotted.partition(".")[0]
        case FunctionSymbol() as group if group.parent is not None:
            # `@cli.command()` of `@click.group() def cli(): ...`.
            above = [each for each in group.facts.decorators if last_name(each.callee) == "group"]
            return _library(above[0].callee, group.parent, program) if above and group is not scope else None
    return None


def _runs_what_it_gets(scope: FunctionSymbol) -> bool:
    """Somebody in the file takes what the command gives, and may run it."""
    calls = (call for function in scope.module.functions for call in function.facts.calls)
    return any(any(name == "standalone_mode" for name, _ in call.keywords) for call in calls)


def _is_called_otherwise(scope: FunctionSymbol) -> bool:
    """`login.callback = running(login.callback)`, further down in the file: the library calls something else."""
    changed = ("attribute", ("name", scope.name), "callback")
    return any(each.target == changed for function in scope.module.functions for each in function.facts.assignments)
