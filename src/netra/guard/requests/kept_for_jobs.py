"""What a worker of arq has made for all of its jobs when it began: `ctx["http"] = AsyncClient()` in its `on_startup`.

Each job gets a dictionary of its own, with the same things in it: what is put into the dictionary is the job's alone, and what
is done to one of those things is done to it for all.
"""

from netra.guard.analysis import Analysis
from netra.guard.entries.sorts import START, TASK
from netra.guard.entries.workers import run_by_workers
from netra.guard.facts import Expression
from netra.guard.lazily import lazily
from netra.guard.symbols import FunctionSymbol
from netra.guard.values import Step


class KeptForJobs:
    """Answers what of a job's context is one for all jobs; use `analysis.once(KeptForJobs)`."""

    def __init__(self, analysis: Analysis) -> None:
        self._analysis = analysis

    def step(self, expression: Expression, scope: FunctionSymbol) -> Step | None:
        """Where it was made for all, when an expression is `ctx[key]` of a job that puts nothing else there."""
        match expression:
            case ("subscript", ("name", str(context)), ("string", str(key))) if scope.parameters.get(context) == 0:
                made, jobs = self._known
                if scope not in jobs or scope.assigned.get(context):
                    return None
                own = any(each.target == expression for each in scope.facts.assignments)
                return None if own else made.get(key)
        return None

    @lazily
    def _known(self) -> tuple[dict[str, Step], frozenset[FunctionSymbol]]:
        """What the functions of the start put into their first parameter, and the jobs."""
        made: dict[str, Step] = {}
        jobs: set[FunctionSymbol] = set()
        for function, sort, _ in run_by_workers(self._analysis.program):
            if sort == TASK:
                jobs.add(function)
            for each in function.facts.assignments if sort == START and function.facts.parameters else ():
                match each.target:
                    case ("subscript", ("name", str(context)), ("string", str(key))) if function.parameters.get(context) == 0:
                        note = f"a worker makes one `{key}` for all of its jobs"
                        made.setdefault(key, Step(function.module.path, each.line, note))
        return made, frozenset(jobs)
