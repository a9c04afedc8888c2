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
from netra.guard.asked import asked_for, beside, call_of, looked_for, named, patched, several, stored, text_of
from netra.guard.entries.frameworks import LISTENING
from netra.guard.entries.sorts import VERBS
from netra.guard.facts import Expression, Mention, last_name
from netra.guard.meaning.makers import maker, root
from netra.guard.reading import names_for
from netra.guard.spellings import MAPPINGS, of_os
from netra.guard.symbols import ClassSymbol, External, FunctionSymbol, ModuleSymbol


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
    mention: Mention
    others: tuple[str, ...] = ()
    """What else is asked for in the same place, by names that are written down: `map(os.getenv, ("A", "B"))`."""

    @property
    def module(self) -> ModuleSymbol:
        return self.scope.module


OWNING: Final = frozenset(
    """config configs configuration conf cfg settings env envs environ environment app_config appconfig app_settings appsettings
    """.split()
)
BY_FUNCTION: Final = {
    "os.getenv": Touch.READ,
    "os.getenvb": Touch.READ,
    "os.putenv": Touch.WRITE,
    "os.unsetenv": Touch.WRITE,
    "os.path.expandvars": Touch.EXPAND,
    "dotenv.load_dotenv": Touch.LOAD,
    "dotenv.main.load_dotenv": Touch.LOAD,
}
BY_OBJECTS: Final = {
    "set_as_environment_variables": frozenset({"dotenv"}),
    "read_env": frozenset({"environs", "environ"}),
}
WRITING: Final = frozenset("setdefault pop popitem update clear __setitem__ __delitem__".split())
READING: Final = frozenset("get __getitem__ __contains__".split())
BY_METHOD: Final = dict.fromkeys(WRITING, Touch.WRITE) | dict.fromkeys(READING, Touch.READ)
FUNCTIONS: Final = BY_METHOD.keys() | {name.rpartition(".")[2] for name in BY_FUNCTION}
EXPANDING: Final = frozenset("format format_map substitute safe_substitute".split())

# What they are given goes to everybody who reads the log, and nowhere else.
LOGGING: Final = frozenset("debug info warning error exception critical".split())

# A variable that a text asks for: `$NAME`, `${NAME}`.
NAMED: Final = re.compile(r"\$\{?(\w+)")

# Facts about the machine and the terminal rather than settings of the program: reading them wherever they matter is fine.
OF_THE_MACHINE: Final = re.compile(
    r"(?:HOME|PATH|USER|USERNAME|USERDOMAIN|COMPUTERNAME|LOGNAME|SHELL|TERM\w*|NO_COLOR|FORCE_COLOR|COLORTERM|CI|TMPDIR|TEMP|TMP"
    r"|LANG|LANGUAGE|LC_\w+|DISPLAY|COLUMNS|LINES|SESSIONNAME|PROGRAM(?:FILES|DATA|W6432)\w*|Program(?:Files|Data)\w*|SYSTEMDRIVE|SystemDrive|SystemRoot|ALLUSERSPROFILE|HOMEDRIVE|HOMEPATH|NUMBER_OF_PROCESSORS"
    r"|VIRTUAL_ENV|CONDA_\w+|APPDATA|LOCALAPPDATA|USERPROFILE|SYSTEMROOT|WINDIR|EDITOR|VISUAL|PAGER|BROWSER|TZ|PWD|HOSTNAME"
    r"|DBUS_\w+|XAUTHORITY|DESKTOP_SESSION|GDMSESSION|GNOME_\w+|KDE_\w+|SHLVL|OLDPWD|OSTYPE|HOSTTYPE|MACHTYPE|SUDO_\w+|MSYSTEM\w*"
    r"|INVOCATION_ID|JOURNAL_STREAM|NOTIFY_SOCKET|LISTEN_(?:FDS|PID|FDNAMES)|TMUX\w*|STY|WINDOWID|COLORFGBG|LS_COLORS|MANPATH"
    r"|PROCESSOR_\w+|SNAP(?:_\w+)?|FLATPAK_\w+|APPIMAGE|APPDIR|ANDROID_\w+|WT_SESSION|VSCODE_\w+"
    r"|XDG_\w+|SSH_\w+|GITHUB_(?:(?:PERSONAL_ACCESS_)?TOKEN|ACTIONS?\w*|ACTOR\w*|REF\w*|SHA|WORKSPACE|REPOSITORY\w*|RUN_\w+|EVENT_\w+|\w+_REF|OUTPUT|ENV"
    r"|STEP_SUMMARY|SERVER_URL|API_URL|JOB|WORKFLOW\w*)|PYTEST_\w+|PYTHON\w*|KUBERNETES_\w+|WAYLAND_DISPLAY|WSL_\w+|LD_\w+|ComSpec|PATHEXT"
    r"|(?:\w+_)?TESTING|(?:\w+_)?TEST_(?:MODE|RUN|ENV)|(?:\w+_)?(?:IN|INSIDE)_(?:DOCKER|CONTAINER|DEVCONTAINER|KUBERNETES|K8S|CI|WSL|COLAB|CODESPACES?))"
)

# Of these, what changes the answers that everybody gets as soon as it is written.
OF_EVERYBODY: Final = re.compile(r"TZ|LANG|LANGUAGE|LC_\w+")

# Scripts at the edge of a program: they run before, or instead of, what reads the settings.
EDGES: Final = frozenset("__main__ conftest manage wsgi asgi noxfile fabfile gunicorn_conf tests".split())
# What begins a server may hold its routes as well.
SERVING_EDGES: Final = frozenset({"__main__", "asgi", "wsgi"})
ROUTING: Final = VERBS | {"route", "websocket"}
# Servers that are given the function that answers.
GIVEN_HANDLERS: Final = frozenset({"serve", "start_server", "start_unix_server"})
# Beside the packages of a program; inside one they set up a part of it, or hold what its workers do.
OUTER_FILES: Final = frozenset({"setup", "tasks"})
EDGE_FOLDERS: Final = frozenset("scripts script bin cli tui examples example docs benchmarks bench migrations alembic".split())
# Beside the packages of a program they hold scripts; inside one they are what its agents are given.
OUTER_FOLDERS: Final = frozenset({"tools"})
# Of these, tasks are what a worker does for others.
QUEUES: Final = frozenset("celery dramatiq huey rq arq saq taskiq faststream procrastinate".split())
COMMANDS: Final = frozenset({"command", "callback"})
# Libraries of which a command is what somebody has written in a chat.
CHATS: Final = frozenset(row.library for row in LISTENING if COMMANDS & row.decorators)


def accesses(analysis: Analysis) -> list[Access]:
    """Every touch of the environment in the program."""
    mentions = [(scope, mention) for scope in analysis.scopes for mention in scope.facts.mentions]
    found = [access for scope, mention in mentions if (access := _access(analysis, scope, mention)) is not None]
    return found + _by_imported_names(analysis) + _by_text(analysis) + _by_objects(analysis)


def _by_objects(analysis: Analysis) -> list[Access]:
    """`DotEnv("app.env").set_as_environment_variables()`, `Env().read_env()`: an object of a library loads the file."""
    found = []
    for scope, _, call in analysis.calls_of(*BY_OBJECTS):
        library = BY_OBJECTS[last_name(call.callee) or ""]
        if not scope.module.in_tests and maker(root(call.callee, scope), scope, analysis.program) in library:
            mention = Mention(call.callee, ("called",), call.line, call.column)
            found.append(Access(scope, Touch.LOAD, "", None, call.line, call.column, call.end_line, mention))
    return found


def _by_text(analysis: Analysis) -> list[Access]:
    """`patch.dict("os.environ", KEY=key)`: which mapping is written for a while stands there as a text."""
    found = []
    for scope, index, call in analysis.calls_of("dict"):
        if scope.module.in_tests or not _is_patched(call.callee):
            continue
        if call.arguments[:1] == (("string", "os.environ"),):
            mention = Mention(("attribute", ("name", "os"), "environ"), ("argument", index, 0), call.line, call.column)
            variable = patched(analysis, scope, call)
            found.append(Access(scope, Touch.WRITE, variable, None, call.line, call.column, call.end_line, mention))
    return found


def serving_reads(analysis: Analysis) -> tuple[Access, ...]:
    """The reads of variables, named as they stand there, in code that serves."""
    seen = analysis.once(accesses)
    return tuple(access for access in seen if access.touch is Touch.READ and access.variable and not is_edge(access.module))


def written_variables(analysis: Analysis) -> frozenset[str]:
    """Variables that the program writes to its own environment: what stands there may be another value than the owner's."""
    return frozenset(access.variable for access in analysis.once(accesses) if access.touch is Touch.WRITE)


def _by_imported_names(analysis: Analysis) -> list[Access]:
    """What is called in one module by a name that another has made: `get = os.environ.get`."""
    names = {
        each.target[1]
        for module in analysis.modules
        for each in module.top.facts.assignments
        if each.target[0] == "name" and last_name(each.value) in FUNCTIONS
    }
    owner, _, asked = analysis.configuration.accessor.rpartition(".")
    module = analysis.program.modules.get(owner)
    accessor = None if module is None else analysis.program.member(module, asked)
    found = []
    for scope, _, call in analysis.calls_of(*names_for(names, analysis)):
        mention = Mention(call.callee, ("called",), call.line, call.column)
        imported = scope.imported.keys() | scope.module.top.imported.keys()
        if call.callee[0] != "name" or call.callee[1] not in imported or mention in scope.facts.mentions:
            continue
        if accessor is not None and analysis.program.lookup(call.callee[1], scope) == accessor:
            continue  # the owner's own way in
        if (access := _access(analysis, scope, mention)) is not None:
            found.append(access)
    return found


def _access(analysis: Analysis, scope: FunctionSymbol, mention: Mention) -> Access | None:
    dotted = of_os(analysis, mention.expression, scope)
    if dotted is None:
        return None
    mapping, _, method = dotted.rpartition(".")
    touch = BY_FUNCTION.get(dotted) or (BY_METHOD.get(method) if mapping in MAPPINGS else None)
    whole = dotted in MAPPINGS
    match mention.where:
        case ("assign", ("name", _)):
            return None  # another name for it, under which it is mentioned
        case ("subscript", *_) | ("compare",) if whole:
            touch = Touch.READ
        case ("store",) if whole:
            touch = Touch.WRITE
        case ("attribute", str(name)) if whole and _is_renamed(scope, ("attribute", mention.expression, name)):
            return None
        case ("attribute", str(name)) if whole:
            touch = BY_METHOD.get(name, Touch.WHOLE)
        case ("argument", int(index), 0) if whole and _is_patched(scope.facts.calls[index].callee):
            touch = Touch.WRITE
        case ("argument", int(index), _) if whole:
            touch = Touch.EXPAND if last_name(scope.facts.calls[index].callee) in EXPANDING else Touch.WHOLE
        case _ if whole:
            touch = Touch.WHOLE
    if touch is None:
        return None
    variable, default, end = "", None, mention.line
    match mention.where:
        case ("subscript", str(key)):
            variable = key
        case ("subscript",):
            variable = asked_for(analysis, scope, mention)
        case ("compare",):
            variable = looked_for(analysis, scope, mention)
        case _:
            if (call := call_of(scope, mention)) is not None:
                end = call.end_line
                if touch in (Touch.READ, Touch.WRITE):
                    variable, default = named(analysis, scope, call)
                elif touch is Touch.EXPAND and call.arguments:
                    asked = NAMED.search(text_of(analysis, call.arguments[0], scope))
                    variable = asked[1] if asked is not None else ""
    if touch is Touch.WRITE and not variable:
        of_call = mention.where[0] == "argument" and not scope.module.in_tests
        given = scope.facts.calls[mention.where[1]] if of_call else None
        variable = stored(analysis, scope, mention) if given is None else patched(analysis, scope, given)
    others: list[str] = []
    held_against = touch is Touch.WHOLE and mention.where[0] in ("attribute", "argument", "operator")
    if held_against and (names := beside(analysis, scope, mention)):
        touch, variable, *others = Touch.READ, *names
    if touch is Touch.READ and not variable:
        variable, *others = [each for each in several(analysis, scope, mention) if each] or [""]
    return Access(scope, touch, variable, default, mention.line, mention.column, end, mention, tuple(others))


def _is_patched(callee: Expression) -> bool:
    """`mock.patch.dict(os.environ, values)`, which writes for a while."""
    return callee[0] == "attribute" and callee[2] == "dict" and last_name(callee[1]) == "patch"


def _is_renamed(scope: FunctionSymbol, expression: Expression) -> bool:
    """`get = os.environ.get`: another name, under which it is mentioned."""
    return any(each.value == expression and each.target[0] == "name" for each in scope.facts.assignments)


# --- programs with an environment of their own -------------------------------------------------------------------------------


class Replaced:
    """The top packages that put an object of their own in the place of `os.environ`: what a write does is its affair."""

    def __init__(self, analysis: Analysis) -> None:
        self._analysis = analysis
        self._tops = frozenset(self._found())

    def holds(self, module: ModuleSymbol) -> bool:
        return module.name.partition(".")[0] in self._tops

    def _found(self) -> Iterator[str]:
        for scope in self._analysis.scopes:
            for each in scope.facts.assignments:
                match each.target:
                    case ("attribute", inner, "environ") if self._is_os(inner, scope) and self._is_own(each.value, scope):
                        yield scope.module.name.partition(".")[0]
        for scope, _, call in self._analysis.calls_of("setattr"):
            match call.arguments:
                case (inner, ("string", "environ"), value) if self._is_os(inner, scope) and self._is_own(value, scope):
                    yield scope.module.name.partition(".")[0]

    def _is_os(self, expression: Expression, scope: FunctionSymbol) -> bool:
        return self._analysis.program.evaluate(expression, scope) == External("os")

    def _is_own(self, value: Expression, scope: FunctionSymbol) -> bool:
        """It is made of a class of the program; `os.environ = saved` only puts back what was there."""
        if value[0] != "call" or scope.module.in_tests:
            return False
        return isinstance(self._analysis.program.evaluate(scope.facts.calls[value[1]].callee, scope), ClassSymbol)


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
            if any(module.own_name == each or module.own_name.startswith(f"{each}.") for each in configured)
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
    classes = [each for each in module.classes if "BaseSettings" in [last_name(base) for base in each.facts.bases]]
    return sum(1 + sum(field.annotation is not None for field in each.body.facts.assignments) for each in classes)


def is_edge(module: ModuleSymbol) -> bool:
    """A script, a command, a test or the like, which comes before the program's settings or stands outside them."""
    *folders, file = module.path.split("/")
    name = file.removesuffix(".py")
    if name in OUTER_FILES and "." not in module.name and not (name == "tasks" and _is_imported_by(module, QUEUES)):
        return True
    if name in SERVING_EDGES and not ROUTING.isdisjoint(module.decorator_names):
        return False
    if module.in_tests or name in EDGES or name.startswith(("run_", "tests_")) or EDGE_FOLDERS & {*folders}:
        return True
    if folders[-2:] == ["management", "commands"]:
        return True  # of Django
    within = module.name.split(".")[1:] if module.package else module.name.split(".")[1:-1]
    if OUTER_FOLDERS & {*folders} and not OUTER_FOLDERS & {*within}:
        return True
    if COMMANDS.isdisjoint(module.decorator_names):
        return False
    return not (_is_imported_by(module, CHATS) or _serves(module))


def _serves(module: ModuleSymbol) -> bool:
    """Beside its commands it has a route, or a function that a server is given: `serve(relay.handle, port=9001)`."""
    if any(scope.decorator_names & ROUTING for scope in module.functions if scope.facts.decorators):
        return True
    given = [
        last_name(each)
        for scope in module.functions
        for call in scope.facts.calls
        if last_name(call.callee) in GIVEN_HANDLERS
        for each in call.arguments[:1]
    ]
    return bool(given) and any(scope.name in given for scope in module.functions)


def _is_imported_by(module: ModuleSymbol, libraries: frozenset[str]) -> bool:
    imports = (each for scope in module.functions for each in scope.facts.imports)
    return not libraries.isdisjoint(each.module.partition(".")[0] for each in imports)


def outside(analysis: Analysis, *touches: Touch, without_owner: bool = False) -> Iterator[tuple[Access, Owners]]:
    """Touches of these kinds outside the owners, in code that serves; where nobody owns the environment, only if asked."""
    seen = analysis.once(accesses)
    own = owners(analysis, seen)
    if own or without_owner:
        for access in seen:
            module = access.scope.module
            if access.touch not in touches or own.hold(module) or is_edge(module):
                continue
            if not OF_THE_MACHINE.fullmatch(access.variable) or (
                access.touch is Touch.WRITE and OF_EVERYBODY.fullmatch(access.variable)
            ):
                yield access, own
