"""Programs that tests write down as text, analysed as if they lay in the working directory."""

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from textwrap import dedent

from netra.guard.analysis import Analysis
from netra.guard.configuration import GuardConfiguration
from netra.guard.facts import File
from netra.guard.faults import Fault
from netra.guard.inspection import inspect
from netra.guard.program import Program
from netra.guard.source import files
from netra.guard.source.modelled import needed_models
from netra.guard.source.naming import module_names
from netra.guard.source.revision import Past
from netra.guard.symbols import ClassSymbol, FunctionSymbol, ModuleSymbol
from netra.guard.values import CoroutineOf, Instance, Plain, Routine, TypeOf, Value


def understood(text: str) -> File:
    return files.understand(files.Read(dedent(text).encode(), ""))


@cache
def model(path: Path) -> File:
    return files.understand(files.read(path))


def program(files: Mapping[str, str]) -> Program:
    """A program of these files, path → text, with the models of libraries."""
    here = Path.cwd()
    names = module_names([here / path for path in files], [here])
    modules = [
        ModuleSymbol(called.name, path, understood(text), called.package, apart_by=called.apart_by)
        for path, text in files.items()
        for called in (names[here / path],)
    ]
    models = needed_models(modules, lambda paths: {path: model(path) for path in paths})
    library = [ModuleSymbol(path.stem, path.stem, file, False, library=True) for path, file in models.items()]
    return Program([*modules, *library])


def analysed(
    files: Mapping[str, str] | str, configuration: GuardConfiguration | None = None, before: Mapping[str, str] | None = None
) -> Analysis:
    texts = {"example.py": files} if isinstance(files, str) else files
    past = None if before is None else Past(program(before))
    return Analysis(program(texts), configuration or GuardConfiguration(), past)


def faults(
    files: Mapping[str, str] | str,
    *select: str,
    configuration: GuardConfiguration | None = None,
    before: Mapping[str, str] | None = None,
) -> list[Fault]:
    """What the selected rules see, or all that are on by default."""
    texts = {"example.py": files} if isinstance(files, str) else files
    decided = (configuration or GuardConfiguration()).overridden({"select": select})
    lines = {path: dedent(text).splitlines() for path, text in texts.items()}
    return inspect(analysed(texts, decided, before), lines)


def function(program: Program, full_name: str) -> FunctionSymbol:
    """The function of that name; of several, the last."""
    found = [each for module in program.own for each in module.functions if each.full_name == full_name]
    return found[-1]


def of_class(program: Program, full_name: str) -> ClassSymbol:
    (found,) = [each for module in program.own for each in module.classes if each.full_name == full_name]
    return found


def shown(value: Value | None) -> str:
    """What a value is, in a word or two; empty for what is unknown."""
    match value:
        case Instance(kind=kind):
            return kind.name
        case TypeOf(kind=kind):
            return f"type {kind.name}"
        case Plain(name=name, item=item):
            return f"{name} of {shown(item)}" if item is not None else name
        case Routine(function=routine, bound=bound):
            return f"bound {routine.name}" if bound else routine.name
        case CoroutineOf(result=result):
            return f"coroutine of {shown(result)}"
    return ""
