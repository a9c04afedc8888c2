"""What a server brings into its process: the modules that its routes need, and the functions of theirs that it may run."""

from collections import deque
from typing import Final

from netra.guard.analysis import Analysis
from netra.guard.entries.reach import MOST_CALLERS
from netra.guard.entries.sorts import ROUTE, SOCKET
from netra.guard.environment import is_edge
from netra.guard.facts import ASYNC, BODY, PLAIN, TOP, last_name
from netra.guard.lazily import lazily
from netra.guard.symbols import FunctionSymbol, ModuleSymbol

# They leave a function to whoever calls it. What another decorator does with one, nobody can say: a fixture, a command.
HARMLESS: Final = frozenset("staticmethod classmethod override abstractmethod wraps".split())

# Before the first request and after the last one nobody else waits.
AT_THE_ENDS: Final = frozenset("main start startup stop shutdown setup __aenter__ __aexit__".split())
EXITS: Final = frozenset("exit _exit".split())

# Routes in such a package are those of a command, or of what tests use.
APART: Final = frozenset("cli commands scripts testing __main__".split())


class Loading:
    """Answers which functions run in a server although no call that guard can follow leads to them.

    In code without annotations the call graph has holes. A function that nobody is seen to enter, in a module that the routes
    import, is left for the server to call.
    """

    def __init__(self, analysis: Analysis) -> None:
        self._analysis = analysis

    def by(self, function: FunctionSymbol) -> ModuleSymbol | None:
        """The module with routes that loads an asynchronous function; None when something else may be what runs it."""
        if function.module not in self._loaders or not self._unentered(function):
            return None
        return self._loaders[function.module]

    def holds(self, module: ModuleSymbol) -> bool:
        """A module with routes or sockets imports it, itself or through others."""
        return module in self._loaders

    def is_for_others(self, function: FunctionSymbol, *, anywhere: bool = False) -> bool:
        """A library, in which nothing serves: others have the loop that runs its asynchronous function. `anywhere`: also beside
        what serves, in a part of the program to which nothing is seen to lead.
        """
        serves = not anywhere and any(each.serves for each in self._analysis.reach.entries.values())
        return not serves and not is_edge(function.module) and self._unentered(function, anywhere=anywhere)

    def _unentered(self, function: FunctionSymbol, *, anywhere: bool = False) -> bool:
        """Nothing but asynchronous functions leads to it, of loaded modules if there are any, and to those nothing at all."""
        seen = {function}
        waiting = deque(seen)
        while waiting:
            at = waiting.popleft()
            if not self._plain(at, anywhere=anywhere):
                return False
            if not self._loaders and at.parent is not None and at.parent.facts.sort == PLAIN:
                continue  # in a library, whoever uses it has what one function makes within another: a decorator, a handler
            for caller, _ in self._analysis.reach.callers(at):
                if caller not in seen and not caller.module.in_tests:
                    seen.add(caller)
                    waiting.append(caller)
            if len(seen) > MOST_CALLERS:
                return False
        return True

    def _plain(self, function: FunctionSymbol, *, anywhere: bool) -> bool:
        """It has no loop of its own, no command or framework takes it, and no module runs it as a script."""
        return (
            function.facts.sort == ASYNC
            and (anywhere or function.module in self._loaders or not self._loaders)
            and function not in self._analysis.reach.entries
            and function.name not in AT_THE_ENDS
            and not any(last_name(call.callee) in EXITS for call in function.facts.calls)
            and len(function.facts.decorators) == len(function.decorator_names & HARMLESS)
            and not any(
                caller.facts.sort in (TOP, BODY) and caller.module is function.module
                for caller, _, _ in self._analysis.calls_of(function.name)
            )
        )

    @lazily
    def _loaders(self) -> dict[ModuleSymbol, ModuleSymbol]:
        """Each module of the program that one with routes or sockets imports, itself or through others, with that one."""
        entries = self._analysis.reach.entries.values()
        serving = (each.function for each in entries if each.sort in (ROUTE, SOCKET))
        # An application that a coroutine makes for itself is most often there for whoever started it.
        shared = (each.module for each in serving if each.parent is None or each.parent.facts.sort != ASYNC)
        loaders = {each: each for each in shared if not each.in_tests and APART.isdisjoint(each.name.split("."))}
        waiting = deque(loaders)
        while waiting:
            at = waiting.popleft()
            for below in self._imports.get(at, ()):
                if below not in loaders and not below.library and not below.in_tests:
                    loaders[below] = loaders[at]
                    waiting.append(below)
        return loaders

    @lazily
    def _imports(self) -> dict[ModuleSymbol, list[ModuleSymbol]]:
        """The modules of the program that a module names in its imports; a package that is only passed through is not one."""
        program = self._analysis.program
        found: dict[ModuleSymbol, list[ModuleSymbol]] = {}
        for scope in self._analysis.scopes:
            for each in scope.facts.imports:
                target = program.absolute(each, scope.module)
                for name in () if target is None else (f"{target}.{each.name}" if each.name else target, target):
                    if (module := program.modules.get(name)) is not None:
                        found.setdefault(scope.module, []).append(module)
                        break
        return found
