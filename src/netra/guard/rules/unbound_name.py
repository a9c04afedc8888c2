"""M105."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Final

from netra.guard.analysis import Analysis
from netra.guard.entries.unused import NamesUsed
from netra.guard.facts import NOTHING, Unbound, dotted, last_name
from netra.guard.faults import CERTAIN, LIKELY, Mend, Sighting
from netra.guard.meaning.exhaustion import (
    is_asked_again,
    is_asked_of_a_default,
    is_asked_of_arguments,
    is_exhausted,
    is_uncovered,
)
from netra.guard.meaning.narrowing import is_caught, is_for_other_version
from netra.guard.meaning.unraised import is_never_entered
from netra.guard.meaning.without_return import ends_behind, ends_in_call
from netra.guard.members.modules import handed_by_name
from netra.guard.members.outside import OutsideWrites
from netra.guard.older import of_python_2
from netra.guard.program import Program, imported_parts
from netra.guard.reading import ITSELF, hands_over_its_module, is_waived
from netra.guard.rule import rule
from netra.guard.settings import top_of
from netra.guard.source.waivers import NAME
from netra.guard.symbols import FunctionSymbol, ModuleSymbol
from netra.guard.values import Step

# As many modules that lack the same name are no slip: they are plugins, and are given it.
PLUGINS: Final = 3

# A module that lacks as many names is mostly given them by something that guard does not see: in packages that nobody had seen
# half of what such a module was said to lack was there.
MANY: Final = 5

# Builtins that Python 3 has no more, and names by which a program asks which Python it is.
OF_PYTHON_2: Final = frozenset("unicode basestring long xrange unichr raw_input reduce cmp file reload buffer".split())
VERSIONS: Final = frozenset("PY2 PY3 PY34 version_info hexversion IS_PY2 IS_PY3 _PY2 _PY3".split())

# How a file of tests is called so that no runner collects it.
PUT_AWAY: Final = re.compile("(?:dont|do_not|not|no|skip|skipped|disabled?|ignored?|off|x|broken)_+tests?_")

OF_UNBOUND: Final = ("NameError", "UnboundLocalError")

# The module whose names every other has.
BUILTIN_MODULE: Final = (("name", "builtins"), ("name", "__builtins__"))

# `dir()`: somebody looks whether the name is there.
NAMES_AT_HAND: Final = (("name", "dir"), ("name", "globals"), ("name", "locals"), ("name", "vars"))

# What gives a module names that its text does not show.
WRITES_NAMES: Final = frozenset({"exec", "execfile", "globals", "vars"})


@rule("M105", "unbound-name", hesitant=True)
def unbound_name(analysis: Analysis) -> Iterator[Sighting]:
    """A name is read that has no value there: never bound or imported, gone with its handler, or bound further down.

    It raises `NameError` as soon as the line runs, which for an error path may be years after it was written.

    ```python
    def price(item: Item) -> Decimal:
        try:
            return item.price
        except AttributeError as error:
            logger.warning("no price: %s", error)  # M105, when nothing binds `logger`
        raise PriceMissing from error  # M105: `error` was deleted where its handler ended
    ```

    An import under `if TYPE_CHECKING:` binds nothing at run time; names in annotations are left alone. A name that any branch
    binds counts as bound, except one that only a single `if` without `else` gives a value, or one that a branch, a `case` or a
    handler which goes on gives none, where a later statement beside it reads it whatever happens; one that a branch reads and
    only the other gives a value (in a loop: that only a loop in the other one goes through); and one that a `try` gives a value
    by something that may fail, or be cancelled, and its `finally` reads in any case. With `elif` alone, that is
    told where members of an enumeration are asked for, and one is left, or where each asks about something else.

    Guard is silent about files that it cannot read to the end, that import `*` from a module it does not know, or that write
    into `globals()`, about templates, and scripts that some program runs with names of its own; about names like `__opts__`,
    which a loader may give, about private functions that nothing names, and about lines that are never reached: behind a
    `return`, under `if False:`, or because what is asked there has been asked and dealt with above. `# noqa: F821` and its
    like count. It is not certain of a module that lacks five names or more, which something may give it unseen.
    """
    planted = analysis.once(_planted)
    used = analysis.program.once(NamesUsed)
    imported = analysis.program.once(imported_parts)
    texts = analysis.once(_read_as_texts)
    filled = analysis.once(_filled)
    old = analysis.once(of_python_2)
    handed = analysis.once(handed_by_name)
    for module in analysis.modules:
        if module.name in handed or any(each.module in handed for each in module.top.imported.get("*", ())):
            continue
        if module.file.unbound and not module.file.problems and not _is_made_elsewhere(module, imported):
            of_one_branch: dict[tuple[FunctionSymbol, int, str], list[tuple[Unbound, Sighting]]] = {}
            for each in module.file.unbound:
                scope = module.function(each.function)
                if (
                    each.name not in planted
                    and not (each.how == "missing" and each.name in module.top.bound)  # by a library that writes it there
                    and scope.name not in texts
                    and not (each.name in OF_PYTHON_2 and top_of(module) in old)
                    and not (each.how == "missing" and module.classes and top_of(module) in filled)
                    and not _is_of_its_package(module, each.name, analysis.program)
                    and not _is_expected(scope, each)
                    and not _by_star(analysis.program, scope, each)
                    and not is_waived(scope, NAME, each.line)
                    and not is_exhausted(each.line, scope, analysis.program)
                    and not is_asked_again(each.line, scope)
                    and not used.is_unused(scope)
                    and not _is_given(analysis, module, each, imported)
                    and not (each.how == "sometimes" and _is_asked_of_a_method(scope, each, analysis.program))
                    and not (each.how == "sometimes" and is_asked_of_a_default(each.bound, each.line, scope))
                    and not (each.how == "sometimes" and is_asked_of_arguments(each.bound, scope))
                    and not (each.how == "skipped" and _is_left_by_call(each, scope, analysis))
                    and not (each.how == "skipped" and is_never_entered(each.bound, scope, analysis.receivers))
                    and (each.how != "uncovered" or is_uncovered(each.bound, each.line, scope, analysis.program))
                ):
                    found = _sighting(scope, each, LIKELY if each.how == "missing" and _lacks_many(module) else CERTAIN)
                    if each.how in ("sometimes", "uncovered", "skipped"):
                        of_one_branch.setdefault((scope, each.bound, each.how), []).append((each, found))
                    else:
                        yield found
            for told in of_one_branch.values():
                yield _with_the_others(told)


def _with_the_others(told: Sequence[tuple[Unbound, Sighting]]) -> Sighting:
    """What one branch leaves without a value is one fault, however many names it is."""
    name = told[0][0].name
    others = list(dict.fromkeys(each.name for each, _ in told if each.name != name))
    first = told[0][1]
    if not others:
        return first
    also = f"; so {'is' if len(others) == 1 else 'are'} {', '.join(f'`{each}`' for each in others)}"
    more = tuple(Step(first.scope.module.path, each.line, f"`{each.name}` is read here") for each, _ in told[1:])
    return first._replace(message=f"{first.message}{also}", why=(*first.why, *more))


def _lacks_many(module: ModuleSymbol) -> bool:
    return len({each.name for each in module.file.unbound if each.how == "missing"}) >= MANY


def _sighting(scope: FunctionSymbol, each: Unbound, sure: str) -> Sighting:
    message, note, mend = {
        "missing": (f"`{each.name}` is read, and nothing binds it: a NameError", "", "import it, or name what is meant"),
        "checking": (
            f"`{each.name}` is read at run time, and only imported for type checkers: a NameError",
            "this import runs under `TYPE_CHECKING` only",
            "import it at run time, too",
        ),
        "handler": (
            f"`{each.name}` is read after its `except … as {each.name}`, where it is deleted: a NameError",
            f"`{each.name}` is deleted where this handler ends",
            "keep it under another name",
        ),
        "later": (
            f"`{each.name}` is read before this function gives it a value: an UnboundLocalError",
            f"this makes `{each.name}` a name of the function, and is the first to give it a value",
            "give it a value before",
        ),
        "sometimes": (
            f"`{each.name}` is read whatever happens, and given a value only where a test is true: an UnboundLocalError",
            f"nothing but this `if` gives `{each.name}` a value",
            "give it a value where the test is false",
        ),
        "uncovered": (
            f"`{each.name}` is read whatever happens, and given a value only for some members: an UnboundLocalError for others",
            f"nothing but this `if` with its `elif` gives `{each.name}` a value, and a member of the enumeration is left",
            "give it a value for the others",
        ),
        "skipped": (
            f"`{each.name}` is read whatever happens, and one of the branches before gives it no value: an UnboundLocalError",
            f"who comes this way has no value for `{each.name}`",
            "give it a value there as well, or leave",
        ),
        "apart": (
            f"`{each.name}` is read in one branch, and only the other gives it a value: an UnboundLocalError",
            f"only who comes this way has a value for `{each.name}`",
            "give it a value in both, or name what is meant",
        ),
        "ended": (
            f"`{each.name}` is read in `finally`, and has no value when what gives it one fails: an UnboundLocalError",
            f"nothing else gives `{each.name}` a value, and this may fail, or be cancelled",
            "give it a value before the `try`",
        ),
    }[each.how]
    why = (Step(scope.module.path, each.bound, note),) if each.bound else ()
    return Sighting(scope, each.line, each.column, each.line, message, why, Mend(mend), sure)


def _planted(analysis: Analysis) -> frozenset[str]:
    """Names that the program writes into `builtins`."""
    found = set()
    for scope in analysis.scopes:
        for each in scope.facts.assignments:
            if each.target[0] == "attribute" and each.target[1] in BUILTIN_MODULE:
                found.add(each.target[2])
    for _, _, call in analysis.calls_of("setattr"):
        match call.arguments:
            case (owner, ("string", str(name)), *_) if owner in BUILTIN_MODULE:
                found.add(name)
    return frozenset(found)


def _read_as_texts(analysis: Analysis) -> frozenset[str]:
    """Functions whose text somebody asks for, to make something of it: they are templates, and need not run as they stand."""
    calls = analysis.calls_of("getsource", "getsourcelines")
    return frozenset(last_name(call.arguments[0]) or "" for _, _, call in calls if call.arguments)


def _filled(analysis: Analysis) -> frozenset[str]:
    """Programs that write computed names into the modules of their classes: `setattr(sys.modules[cls.__module__], name, …)`."""
    found: set[str] = set()
    for scope, _, call in analysis.calls_of("setattr"):
        if len(call.arguments) == 3 and call.arguments[1][0] != "string":
            written = call.arguments[0]
            values = [written, *(each.value for each in scope.assigned.get(written[1], ()) if written[0] == "name")]
            if any(each[0] == "subscript" and dotted(each[1]) == "sys.modules" and each != ITSELF for each in values):
                found.add(top_of(scope.module))
    return frozenset(found)


def _is_made_elsewhere(module: ModuleSymbol, imported: frozenset[str]) -> bool:
    """What its names are does not stand in the file."""
    # A `return` at the top: `Script (Python)` of Zope makes a function of the file, and gives it its names.
    written = bool(module.top.facts.returned) or any(what == "return" for what, _ in module.top.facts.jumps)
    written = written or _is_written_into(module) or _is_template(module) or _is_notebook(module) or module.is_template
    return written or _is_run_by_others(module, imported) or _is_put_away(module, imported)


def _is_written_into(module: ModuleSymbol) -> bool:
    return any(
        hands_over_its_module(function)
        or any(call.callee[0] == "name" and call.callee[1] in WRITES_NAMES for call in function.calls)
        for function in module.file.functions
    )


def _is_put_away(module: ModuleSymbol, imported: frozenset[str]) -> bool:
    """Among tests, or called like one, a file that no runner collects and nobody imports: `_test_caching.py`."""
    name = module.name.rpartition(".")[2]
    off = name.startswith("_") or PUT_AWAY.match(name) is not None
    return (module.in_tests or name.startswith("_test_")) and off and name not in imported


def _is_of_its_package(module: ModuleSymbol, name: str, program: Program) -> bool:
    """`from shop.errors._base import *` in `shop/errors/__init__.py` binds `_base` there as well."""
    inner = f"{module.name}.{name}"
    imports = (each for function in module.functions for each in function.facts.imports)
    return module.package and any((program.absolute(each, module) or "").startswith(inner) for each in imports)


def _is_notebook(module: ModuleSymbol) -> bool:
    """A notebook of marimo, whose cells get the names of one another, and show what happens without."""
    made = any(last_name(call.callee) == "App" for call in module.top.facts.calls)
    return made and any("cell" in function.decorator_names for function in module.functions)


def _is_template(module: ModuleSymbol) -> bool:
    """The file is filled in before it is run: `f(**{name})` unpacks a set, which never works; `KEY = {key}` means nothing."""
    unpacked = any(
        name == "**" and value[0] == "set"
        for function in module.file.functions
        for call in function.calls
        for name, value in call.keywords
    )
    lost = {each.name for each in module.file.unbound if each.how == "missing" and each.function == 0}
    return unpacked or any(
        each.value[0] == "set" and len(each.value[1]) == 1 and each.value[1][0][-1] in lost
        for each in module.top.facts.assignments
    )


def _is_run_by_others(module: ModuleSymbol, imported: frozenset[str]) -> bool:
    """Nobody imports the file, and its own top reads a name that it does not have, whatever happens: as it stands it never ran.

    Another program runs it, and gives it its names: what reads a batch file, a specification, a configuration.
    """
    if module.package or module.name.rpartition(".")[2] in imported:
        return False
    branches = [block for block in module.top.facts.blocks if block.what in ("if", "else", "try", "handler", "case")]
    return any(
        each.function == 0
        and each.how == "missing"
        and not any(block.line <= each.line <= block.end_line for block in branches)
        for each in module.file.unbound
    )


def _is_given(analysis: Analysis, module: ModuleSymbol, each: Unbound, imported: frozenset[str]) -> bool:
    """`engine.logger = …` gives the name to modules that are loaded by a name that is worked out.

    Believed where nobody imports the module, where the name stands there for type checkers, or where others lack it, too.
    """
    told = each.how == "checking" or (each.how == "missing" and module.name.rpartition(".")[2] not in imported)
    if not told and analysis.once(_lacking)[each.name] < PLUGINS:
        return False
    return analysis.once(OutsideWrites).is_written(module, each.name)


def _lacking(analysis: Analysis) -> Counter[str]:
    """In how many modules each name is missing."""
    return Counter(
        name for module in analysis.modules for name in {each.name for each in module.file.unbound if each.how == "missing"}
    )


def _is_expected(scope: FunctionSymbol, each: Unbound) -> bool:
    """Somebody has thought of it: the NameError is caught, the line is for another Python, or a loader gives the name."""
    if each.name.startswith("__") and each.name.endswith("__"):
        return True  # salt's loader, for one, puts `__opts__` into every module
    if each.name in OF_PYTHON_2 and _asks_for_version(scope.module):
        return True  # `unicode if PY2 else str`
    if any(call.line == each.line and call.callee in NAMES_AT_HAND for call in scope.facts.calls):
        return True  # `datetime.now() if "datetime" in dir() else ""`
    if each.how in ("sometimes", "uncovered", "skipped") and is_caught(
        each.line, scope, *OF_UNBOUND, "Exception", "BaseException"
    ):
        return True
    return is_for_other_version(each.line, scope) or any(
        block.what == "try"
        and block.line <= each.line <= block.end_line
        and any(last_name(kind) in OF_UNBOUND for kind in block.expressions)
        for block in scope.facts.blocks
    )


def _is_asked_of_a_method(scope: FunctionSymbol, each: Unbound, program: Program) -> bool:
    """`if self.on_missing is not None:`, where that is a method of the class, which nothing replaces: it always holds."""
    asked = [block for block in scope.facts.blocks if block.what == "if" and block.head == each.bound]
    if not asked or scope.owner is None:
        return False
    test = asked[0].expressions[0]
    if test[0] == "compare" and test[1][1:] == (NOTHING,) and test[2] == ("IsNot",):
        test = test[1][0]
    if test[0] != "attribute" or test[1] != ("name", "self"):
        return False
    order = program.order(scope.owner)[0]
    kept = any(test[2] in kind.set_on_self or test[2] in kind.body.assigned for kind in order)
    return not kept and any(
        test[2] in kind.methods and "property" not in kind.methods[test[2]][0].decorator_names for kind in order
    )


def _is_left_by_call(each: Unbound, scope: FunctionSymbol, analysis: Analysis) -> bool:
    """The branch that gives no value calls a function that always raises, or says so: nobody comes out of it. Or nobody gets
    from there to where the name is read, by what a function behind it is given.
    """
    ends = [
        block.end_line for block in scope.facts.blocks if block.line <= each.bound <= block.end_line or block.head == each.bound
    ]
    last = min((end for end in ends if end < each.line), default=each.bound)
    receivers = analysis.receivers
    return ends_in_call(each.bound, last, scope, receivers) or ends_behind(each.bound, last, each.line, scope, receivers)


def _asks_for_version(module: ModuleSymbol) -> bool:
    return any(
        not VERSIONS.isdisjoint(function.loads) or any(last_name(read.expression) in VERSIONS for read in function.reads)
        for function in module.file.functions
    )


def _by_star(program: Program, scope: FunctionSymbol, each: Unbound) -> bool:
    """`from … import *` binds the name, or may do so."""
    return each.how in ("missing", "checking") and may_import(program, scope.module, each.name, set())


def may_import(program: Program, module: ModuleSymbol, name: str, seen: set[str]) -> bool:
    """Some `from … import *` of the module binds the name, as far as is known."""
    for each in module.top.imported.get("*", ()):
        source = program.source_of(each, module)
        if source is None or source.file.problems or source.library or _is_written_into(source):
            return True
        if source.name not in seen:
            seen.add(source.name)
            exports = source.file.exports
            if name in exports if exports is not None else not name.startswith("_") and name in source.top.bound:
                return True
            # A computed `__all__` may name the modules of the package, which a star then imports.
            if exports is None and "__all__" in source.top.assigned and f"{source.name}.{name}" in program.modules:
                return True
            if may_import(program, source, name, seen):
                return True
    return False
