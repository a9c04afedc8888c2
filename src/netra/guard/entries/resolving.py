"""Plain functions that a library calls, and whose result it takes as it is: what they return to be awaited, nobody awaits.

A web framework calls a dependency that is no coroutine function in a thread, and hands what it gives to the routes; a library
of agents does the same with a tool and sends the result to the model.
"""

from typing import Final

from netra.guard.facts import PLAIN, Decorator, last_name
from netra.guard.meaning.makers import maker
from netra.guard.meaning.parameters import ParameterValues
from netra.guard.meaning.receivers import Receivers
from netra.guard.program import Program
from netra.guard.symbols import External, FunctionSymbol
from netra.guard.values import Foreign, Routine, TypeOf

INJECTING: Final = frozenset({"Depends", "Security"})
INJECTING_LIBRARIES: Final = frozenset({"fastapi"})

# Decorators of libraries that call what is no coroutine function and never look at what it gives.
CALLING: Final = {
    "pydantic_ai": frozenset("tool tool_plain system_prompt instructions output_validator".split()),
    "agents": frozenset({"function_tool"}),
    "langchain": frozenset({"tool"}),
    "langchain_core": frozenset({"tool"}),
    "celery": frozenset({"task", "shared_task"}),
    "dramatiq": frozenset({"actor"}),
}
DECORATORS: Final = frozenset(name for names in CALLING.values() for name in names)


def resolved_by(scope: FunctionSymbol, program: Program, receivers: Receivers) -> str:
    """Who takes what the function gives for a value, in words; empty where nobody is known to."""
    if scope.facts.sort != PLAIN or scope.facts.yields or scope.module.in_tests:
        return ""
    returns = str(scope.facts.returns)
    if any(word in returns for word in ("wait", "outine", "Future", "Task")):
        return ""
    for each in scope.facts.decorators:
        if (library := _library(each, scope, program)) and last_name(each.callee) in CALLING.get(library, ()):
            return f"{library} calls it and awaits nothing of what it gives"
    if scope in program.once(_dependencies_named) and _is_dependency(scope, program, receivers):
        return "the framework hands the coroutine on as it is"
    return ""


def _library(decorator: Decorator, scope: FunctionSymbol, program: Program) -> str | None:
    return maker(decorator.callee, scope.parent or scope, program) if last_name(decorator.callee) in DECORATORS else None


def _dependencies_named(program: Program) -> frozenset[FunctionSymbol]:
    """Functions by whose names something is given to `Depends`."""
    names = {last_name(given) for _, _, call in program.calls_of(INJECTING) for given in call.arguments[:1]}
    return frozenset(scope for scope in program.scopes if scope.name in names)


def _is_dependency(scope: FunctionSymbol, program: Program, receivers: Receivers) -> bool:
    """Some `Depends` names the function, and nobody whom it is given to awaits what it gave."""
    found = False
    for at, _, call in program.calls_of(INJECTING):
        if not call.arguments or last_name(call.arguments[0]) != scope.name:
            continue
        match receivers.value(call.arguments[0], at), receivers.value(call.callee, at):
            case Routine(function=function), Foreign(symbol=External(dotted=dotted)) if function is scope:
                found = found or dotted.partition(".")[0] in INJECTING_LIBRARIES
            case Routine(function=function), Routine() | TypeOf() if function is scope:
                return False
    return found and not any(_awaits(taking, receivers.parameters, scope) for taking in program.scopes)


def _awaits(taking: FunctionSymbol, parameters: ParameterValues, scope: FunctionSymbol) -> bool:
    """A function that is given what the dependency gave, and awaits it after all."""
    awaited = {use.name for use in taking.facts.uses if use.where[0] in ("await", "argument")}
    for each in taking.facts.parameters:
        if each.name in awaited and taking.parent is not None:
            match parameters.dependency(each, taking.parent):
                case Routine(function=function) if function is scope:
                    return any(use.name == each.name and use.where[0] == "await" for use in taking.facts.uses)
    return False
