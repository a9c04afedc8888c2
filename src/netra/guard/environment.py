"""Where a program touches the process environment, in whatever spelling, and which of its modules own it.

An owner is named by the configuration, or recognised: modules called `config`, `settings`, `env` or the like that read the
environment themselves, and those with a class below `BaseSettings`, when they hold at least half of all settings. Where nobody
does, there is no rule to break, and guard is silent.
"""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from typing import Final

from netra.guard.analysis import Analysis
from netra.guard.facts import CallSite, Expression, Mention, last_name
from netra.guard.program import External, FunctionSymbol, ModuleSymbol
from netra.guard.values import Foreign


class Touch(Enum):
    """What is done with the environment."""

    READ = "read"
    WRITE = "write"
    WHOLE = "whole"
    LOAD = "load"
    EXPAND = "expand"


@dataclass(frozen=True, slots=True)
class Access:
    """One touch. `variable` is the name that is asked for, when it stands there; `default` what replaces a missing one."""

    scope: FunctionSymbol
    touch: Touch
    variable: str
    default: Expression | None
    line: int
    column: int
    end_line: int


OWNING: Final = frozenset("config configs configuration conf settings env environ environment".split())
BY_FUNCTION: Final = {
    "os.getenv": Touch.READ,
    "os.getenvb": Touch.READ,
    "os.putenv": Touch.WRITE,
    "os.unsetenv": Touch.WRITE,
    "os.path.expandvars": Touch.EXPAND,
    "dotenv.load_dotenv": Touch.LOAD,
    "dotenv.dotenv_values": Touch.LOAD,
    "dotenv.main.load_dotenv": Touch.LOAD,
}
MAPPINGS: Final = frozenset({"os.environ", "os.environb"})
WRITING: Final = frozenset("setdefault pop popitem update clear __setitem__ __delitem__".split())
READING: Final = frozenset("get __getitem__ __contains__".split())

# Facts about the machine and the terminal rather than settings of the program: reading them wherever they matter is fine.
OF_THE_MACHINE: Final = re.compile(
    r"(?:HOME|PATH|USER|LOGNAME|SHELL|TERM\w*|NO_COLOR|FORCE_COLOR|COLORTERM|CI|TMPDIR|TEMP|TMP|LANG\w*|LC_\w+|DISPLAY|COLUMNS|LINES"
    r"|VIRTUAL_ENV|CONDA_\w+|APPDATA|LOCALAPPDATA|USERPROFILE|SYSTEMROOT|WINDIR|EDITOR|VISUAL|PAGER|BROWSER|TZ|PWD|HOSTNAME"
    r"|XDG_\w+|SSH_\w+|GITHUB_\w+|PYTEST_\w+|PYTHON\w*|KUBERNETES_\w+|WAYLAND_DISPLAY|WSL_\w+|LD_\w+|ComSpec|PATHEXT)"
)

# Scripts at the edge of a program: they run before, or instead of, what reads the settings.
EDGES: Final = frozenset("__main__ setup conftest manage wsgi asgi noxfile fabfile tasks gunicorn_conf".split())
EDGE_FOLDERS: Final = frozenset("scripts script tools bin examples example docs benchmarks bench migrations alembic".split())


def accesses(analysis: Analysis) -> list[Access]:
    """Every touch of the environment in the program."""
    mentions = [(scope, mention) for scope in analysis.scopes for mention in scope.facts.mentions]
    return [access for scope, mention in mentions if (access := _access(analysis, scope, mention)) is not None]


def _access(analysis: Analysis, scope: FunctionSymbol, mention: Mention) -> Access | None:
    match analysis.receivers.value(mention.expression, scope):
        case Foreign(symbol=External(dotted=dotted)):
            pass
        case _:
            return None
    call = _call(scope, mention)
    if (touch := BY_FUNCTION.get(dotted)) is not None:
        end = call.end_line if call else mention.line
        variable, default = _named(call) if touch in (Touch.READ, Touch.WRITE) else ("", None)
        return Access(scope, touch, variable, default, mention.line, mention.column, end)
    if dotted not in MAPPINGS:
        return None
    match mention.where:
        case ("subscript", str(variable)):
            return Access(scope, Touch.READ, variable, None, mention.line, mention.column, mention.line)
        case ("subscript",) | ("compare",):
            touch = Touch.READ
        case ("store",):
            touch = Touch.WRITE
        case ("attribute", name) if name in WRITING:
            touch = Touch.WRITE
        case ("attribute", name) if name in READING:
            touch = Touch.READ
        case _:
            touch = Touch.WHOLE
    variable, default = _named(call)
    if touch is Touch.WRITE and not variable:
        variable = _stored(scope, mention)
    end = call.end_line if call else mention.line
    return Access(scope, touch, variable, default, mention.line, mention.column, end)


def _call(scope: FunctionSymbol, mention: Mention) -> CallSite | None:
    """The call that a mention begins: `os.getenv(…)`, `os.environ.get(…)`."""
    if mention.where[0] not in ("called", "attribute"):
        return None
    for call in scope.facts.calls:
        if (call.line, call.column) == (mention.line, mention.column):
            callee = call.callee
            if callee == mention.expression or (callee[0] == "attribute" and callee[1] == mention.expression):
                return call
    return None


def _named(call: CallSite | None) -> tuple[str, Expression | None]:
    if call is None:
        return "", None
    variable = call.arguments[0][1] if call.arguments and call.arguments[0][0] == "string" else ""
    default = call.arguments[1] if len(call.arguments) > 1 else dict(call.keywords).get("default")
    return variable, default


def _stored(scope: FunctionSymbol, mention: Mention) -> str:
    for each in scope.facts.assignments:
        match each.target:
            case ("subscript", inner, ("string", str(variable))) if inner == mention.expression and each.line == mention.line:
                return variable
    return ""


# --- owners ----------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Owners:
    """The modules that may touch the environment."""

    modules: tuple[ModuleSymbol, ...]
    configured: bool

    def __bool__(self) -> bool:
        return self.configured or bool(self.modules)

    def hold(self, module: ModuleSymbol) -> bool:
        return module in self.modules

    @property
    def named(self) -> str:
        """The one that holds most, as a finding names it."""
        return self.modules[0].name if self.modules else "its owner"


def owners(analysis: Analysis, seen: list[Access]) -> Owners:
    """Who owns the environment here: as configured, or as the program's own modules show."""
    configured = analysis.configuration.owner
    if configured:
        named = [
            module
            for module in analysis.modules
            if any(module.name == each or module.name.startswith(f"{each}.") for each in configured)
        ]
        return Owners(tuple(named), True)
    held: Counter[ModuleSymbol] = Counter()
    elsewhere = 0
    for access in seen:
        module = access.scope.module
        if access.touch is not Touch.READ or is_edge(module):
            continue
        if OWNING & {*module.name.split(".")[-2:]}:
            held[module] += 1
        else:
            elsewhere += 1
    for module in analysis.modules:
        if fields := _settings_of(module):
            held[module] += fields
    if sum(held.values()) < elsewhere:
        return Owners((), False)
    return Owners(tuple(module for module, _ in held.most_common()), False)


def _settings_of(module: ModuleSymbol) -> int:
    """How many fields its settings classes have, each of which is a variable that is read."""
    classes = [each for each in module.classes if any(last_name(base) == "BaseSettings" for base in each.facts.bases)]
    return sum(1 + sum(field.annotation is not None for field in each.body.facts.assignments) for each in classes)


def is_edge(module: ModuleSymbol) -> bool:
    """A script, a command, a test or the like, which comes before the program's settings or stands outside them."""
    *folders, file = module.path.split("/")
    name = file.removesuffix(".py")
    if module.in_tests or name in EDGES or name.startswith("run_") or EDGE_FOLDERS & {*folders}:
        return True
    return any(scope.decorator_names & {"command", "callback"} for scope in module.functions if scope.facts.decorators)


def outside(analysis: Analysis, *touches: Touch, without_owner: bool = False) -> Iterator[tuple[Access, Owners]]:
    """Touches of these kinds outside the owners, in code that serves; where nobody owns the environment, only if asked."""
    seen = analysis.once(accesses)
    own = owners(analysis, seen)
    if own or without_owner:
        for access in seen:
            module = access.scope.module
            if access.touch not in touches or own.hold(module) or is_edge(module):
                continue
            if not (access.variable and OF_THE_MACHINE.fullmatch(access.variable)):
                yield access, own
