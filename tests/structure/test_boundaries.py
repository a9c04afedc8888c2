"""What only one place may do: read the environment, survive any error. And what none may: `global`, `print` aside."""

import ast
from collections.abc import Iterable

from tests.structure.source import Module, inside, modules

# The one door to the process environment.
ENVIRONMENT = "netra.env"

# Boundaries that must survive whatever comes out of the code behind them: (module, function), and why it must.
# A handler that ends in a bare `raise` hides nothing and needs no line here.
SURVIVORS: dict[tuple[str, str], str] = {
    ("netra.gateway.problems", "RequestBoundary.__call__"): "one request's fault is answered, and the server goes on",
    ("netra.gateway.socket", "answer_socket"): "a socket that cannot be opened is answered, and the server goes on",
    ("netra.gateway.socket", "_converse"): "one socket's fault must not reach another",
    ("netra.guard.inspection", "inspect.seen"): "one rule's fault is named, ends the run with 2, and costs nobody the others",
    (
        "netra.hosting.nodes",
        "_once.attempt",
    ): "whatever fails a node that its graph tries again is noted, and raised again",
    ("netra.runs.context", "RunContext._failing"): "whatever a step raises is logged, and raised again as StepFailed",
    ("netra.runs.worker", "Worker._process"): "one run's fault must not end the runs beside it",
    ("netra.runs.worker", "Worker._fetch_once"): "a worker that lives and fetches no more keeps its jobs from all others",
    ("netra.runs.worker", "Worker._try"): "what goes on beside runs goes on: nothing else looks after what others lost",
    ("netra.streams.hub", "Hub._tell"): "one reader's fault must reach neither its neighbours nor the writer",
    ("netra.streams.writer", "Writer._commit"): "one writer appends for everybody, whatever one run's events are",
}

BROAD = {"Exception", "BaseException"}


def readers_of_the_environment(sources: Iterable[Module]) -> list[str]:
    """Modules that touch os.environ or os.getenv in any spelling."""
    names = {"environ", "environb", "getenv", "getenvb", "putenv", "unsetenv"}

    def reads(node: ast.AST) -> bool:
        match node:
            case ast.Attribute(value=ast.Name(id="os" | "posix"), attr=attr):
                return attr in names
            case ast.ImportFrom(module="os" | "posix", names=imported):
                return any(alias.name in names for alias in imported)
        return False

    return [module.name for module in sources if any(map(reads, ast.walk(module.tree)))]


def users_of_global(sources: Iterable[Module]) -> list[str]:
    return [
        f"{module.name}:{node.lineno}" for module in sources for node in ast.walk(module.tree) if isinstance(node, ast.Global)
    ]


def survivors(sources: Iterable[Module]) -> set[tuple[str, str]]:
    """Functions that go on after any exception: `except Exception`, a bare `except`, `suppress(Exception)`."""
    found = set()
    for module in sources:
        for where, node in inside(module.tree):
            match node:
                case ast.ExceptHandler(type=kind, body=[*_, last]) if _is_broad(kind):
                    if not (isinstance(last, ast.Raise) and last.exc is None):
                        found.add((module.name, where))
                case ast.Call(func=ast.Name(id="suppress") | ast.Attribute(attr="suppress"), args=kinds):
                    if any(map(_is_broad, kinds)):
                        found.add((module.name, where))
    return found


def _is_broad(kind: ast.expr | None) -> bool:
    match kind:
        case None:
            return True
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name in BROAD
        case ast.Tuple(elts=kinds):
            return any(map(_is_broad, kinds))
    return False


def test_one_module_reads_the_environment() -> None:
    assert readers_of_the_environment(modules()) == [ENVIRONMENT]


def test_every_spelling_of_the_environment_is_found() -> None:
    for text in ("import os\nos.environ['A']", "import os\ndef f(): return os.getenv('A')", "from os import environ as e"):
        assert readers_of_the_environment([Module.of(text)]) == ["netra.example"], text
    assert readers_of_the_environment([Module.of("import os\nos.getpid()")]) == []


def test_nothing_is_global() -> None:
    assert users_of_global(modules()) == []


def test_a_global_inside_a_function_is_found() -> None:
    assert users_of_global([Module.of("def f():\n    global g\n    g = 1")]) == ["netra.example:2"]


def test_only_named_boundaries_survive_every_error() -> None:
    assert survivors(modules()) == set(SURVIVORS)


def test_every_way_to_survive_every_error_is_found() -> None:
    for handler in ("except Exception:", "except:", "except (KeyError, BaseException) as e:"):
        text = f"class Worker:\n    def run(self):\n        try: work()\n        {handler} pass"
        assert survivors([Module.of(text)]) == {("netra.example", "Worker.run")}, handler
    assert survivors([Module.of("with contextlib.suppress(Exception): work()")]) == {("netra.example", "")}


def test_a_handler_that_raises_again_or_names_its_error_is_no_survivor() -> None:
    for handler in ("except BaseException:\n    undo()\n    raise", "except KeyError: pass"):
        assert survivors([Module.of(f"try: work()\n{handler}")]) == set(), handler
