"""S120."""

from collections.abc import Iterator
from typing import Final

from netra.guard.analysis import Analysis
from netra.guard.facts import ASYNC, PLAIN, Expression, last_name
from netra.guard.faults import Mend, Sighting
from netra.guard.meaning.expressions import within
from netra.guard.rule import rule
from netra.guard.symbols import ClassSymbol, External, FunctionSymbol

# What is another each time it is asked for, and what it is.
FRESH: Final = {
    **dict.fromkeys(("uuid.uuid1", "uuid.uuid4"), "an id"),
    **dict.fromkeys(("secrets.token_hex", "secrets.token_urlsafe", "secrets.token_bytes", "os.urandom"), "a secret"),
    **dict.fromkeys(
        (
            "datetime.datetime.now",
            "datetime.datetime.utcnow",
            "datetime.datetime.today",
            "datetime.date.today",
            "time.time",
            "time.monotonic",
            "django.utils.timezone.now",
        ),
        "a time",
    ),
}
NAMES: Final = frozenset(each.rpartition(".")[2] for each in FRESH)
# By these a field is declared with its default.
DECLARING: Final = frozenset("Field field Column mapped_column attrib ib Factory".split())
ROWS: Final = frozenset({"Column", "mapped_column"})


@rule("S120", "made-once-default")
def made_once_default(analysis: Analysis) -> Iterator[Sighting]:
    """A default that is meant to be another each time is made once, when the module is imported.

    Every call, object or row that brings no value of its own gets the same one: two users have one id, a token is no secret of
    anybody's, and whatever happens has happened when the server started.

    ```python
    class Run(BaseModel):
        run_id: str = str(uuid.uuid4())  # S120: all runs of this process have one id
    ```

    Hand over the function that makes it (`Field(default_factory=lambda: str(uuid4()))`, `Column(default=uuid4)`), or take None
    and make it in the function. Looked at are defaults of parameters, and of fields of models, dataclasses and tables; what a
    class or a module has one of is left alone.
    """
    for scope in analysis.scopes:
        around = scope.parent
        if scope.module.in_tests or around is None or around.facts.sort in (PLAIN, ASYNC):
            continue
        for parameter in scope.facts.parameters:
            if parameter.default is not None and (what := _made_once(analysis, parameter.default, around)):
                message = (
                    f"the default of `{parameter.name}` is made once, and is {what} that every call of `{scope.name}` gets"
                )
                mend = Mend("take None, and make one here")
                yield Sighting(around, parameter.line, 0, parameter.line, message, (), mend)
    for module in analysis.modules:
        for kind in module.classes if not module.in_tests else ():
            yield from _made_in(analysis, kind)


def _made_in(analysis: Analysis, kind: ClassSymbol) -> Iterator[Sighting]:
    each_has_its_own = _is_of_fields(analysis, kind)
    for name, given in kind.body.assigned.items():
        for each in given:
            value, declared = _default_of(each.value, kind.body)
            if value is None or not (declared == "column" or (each_has_its_own and each.annotation is not None)):
                continue
            if what := _made_once(analysis, value, kind.body):
                message = f"the default of `{name}` is made once, and is {what} that every `{kind.name}` gets"
                mend = Mend("hand over the function that makes it: `default_factory=`, or `default=` of a column")
                yield Sighting(kind.body, each.line, each.column, each.line, message, (), mend)


def _is_of_fields(analysis: Analysis, kind: ClassSymbol) -> bool:
    """A dataclass, or a model of pydantic: what is annotated in its body is a field of each object."""
    order = analysis.program.order(kind)[0]
    if any(
        last_name(each.callee) in ("dataclass", "define", "frozen", "attrs") for one in order for each in one.facts.decorators
    ):
        return True
    return any(last_name(base) in ("BaseModel", "SQLModel", "Struct") for one in order for base in one.facts.bases)


def _default_of(value: Expression, body: FunctionSymbol) -> tuple[Expression | None, str]:
    """`uuid4()` of `Field(default=uuid4())`, or the value itself; and whether it is a column's."""
    if value[0] != "call" or last_name(body.facts.calls[value[1]].callee) not in DECLARING:
        return value, ""
    call = body.facts.calls[value[1]]
    called = last_name(call.callee)
    default = dict(call.keywords).get("default")
    if default is None and called not in ROWS and call.arguments:
        default = call.arguments[0]
    return default, "column" if called in ROWS else ""


def _made_once(analysis: Analysis, value: Expression, scope: FunctionSymbol) -> str:
    """What is made, where a value is made of something that is another each time."""
    for part in within(value, scope):
        if part[0] == "call" and last_name(scope.facts.calls[part[1]].callee) in NAMES:
            match analysis.program.evaluate(scope.facts.calls[part[1]].callee, scope):
                case External(dotted=dotted) if dotted in FRESH:
                    return FRESH[dotted]
    return ""
