"""Functions of which a queue makes tasks, objects of a class of the program: `@app.task(bind=True, base=MailTask)`."""

from typing import Final

from netra.guard.facts import last_name
from netra.guard.program import Program
from netra.guard.symbols import ClassSymbol, FunctionSymbol

MAKING_TASKS: Final = frozenset({"task", "shared_task"})


def task_class(function: FunctionSymbol, program: Program) -> ClassSymbol | None:
    """The class of the task that such a function is given first, where its decorator names one of the program's."""
    for each in function.facts.decorators:
        if last_name(each.callee) in MAKING_TASKS and each.called and function.parent is not None:
            given = dict(each.keywords)
            if given.get("bind") == ("constant", "bool", True) and "base" in given:
                symbol = program.evaluate(given["base"], function.parent)
                return symbol if isinstance(symbol, ClassSymbol) and not symbol.module.library else None
    return None
