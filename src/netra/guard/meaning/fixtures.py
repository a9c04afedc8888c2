"""What pytest gives a test for a parameter: the nearest fixture of that name, in its class, its file or a `conftest.py`."""

from pathlib import PurePath
from typing import Final

from netra.guard.facts import ASYNC, PLAIN, Decorator, last_name
from netra.guard.program import Program
from netra.guard.symbols import FunctionSymbol, ModuleSymbol

FIXTURE: Final = "fixture"


def fixture_of(name: str, scope: FunctionSymbol, program: Program) -> FunctionSymbol | None:
    """The fixture that pytest calls for a parameter of a test or of another fixture; None where something else may be given."""
    if scope.facts.sort not in (PLAIN, ASYNC) or not scope.module.in_tests or not _is_called_by_pytest(scope):
        return None
    if any(last_name(each.callee) in ("parametrize", "given", "patch") for each in scope.facts.decorators):
        return None  # one of the cases, or what hypothesis makes up
    own = [each for each in scope.owner.methods.get(name, ()) if each is not scope] if scope.owner is not None else []
    if found := _of_this_name(own):
        return found
    match program.member(scope.module, name):
        case FunctionSymbol() as function if function is not scope:
            return function if _is_fixture(function) else None
    for module in _conftests(scope.module, program):
        match program.member(module, name):
            case FunctionSymbol() as function if function is not scope:
                return function if _is_fixture(function) else None
    return None


def _of_this_name(methods: list[FunctionSymbol]) -> FunctionSymbol | None:
    return methods[0] if len(methods) == 1 and _is_fixture(methods[0]) else None


def _is_called_by_pytest(scope: FunctionSymbol) -> bool:
    return scope.name.startswith("test") or FIXTURE in scope.decorator_names


def _is_fixture(function: FunctionSymbol) -> bool:
    """Under its own name, and with nothing else around it."""
    decorators = function.facts.decorators
    return len(decorators) == 1 and last_name(decorators[0].callee) == FIXTURE and not _is_renamed(decorators[0])


def _is_renamed(decorator: Decorator) -> bool:
    return any(name in ("name", "params") for name, _ in decorator.keywords)


def _conftests(module: ModuleSymbol, program: Program) -> list[ModuleSymbol]:
    """The files of shared fixtures beside a test file and above it, the nearest first."""
    known = program.once(_by_folder)
    folders = (str(each) for each in PurePath(module.path).parents)
    return [known[each] for each in folders if each in known]


def _by_folder(program: Program) -> dict[str, ModuleSymbol]:
    return {str(PurePath(each.path).parent): each for each in program.own if PurePath(each.path).name == "conftest.py"}
