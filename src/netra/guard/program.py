"""The files of a program, linked: what a name means in a place, across modules, aliases, re-exports and star imports.

Models of libraries (`libraries/*.model`) are modules of the program like its own, except that nothing is reported in them.
What is neither, is an `External` with its dotted name, and stays unknown.
"""

import builtins
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from itertools import takewhile
from operator import eq
from pathlib import PurePath
from typing import Any, Final, TypeAlias, TypeVar

from netra.guard.facts import (
    ASYNC,
    BODY,
    PLAIN,
    TOP,
    CallSite,
    Decorator,
    Expression,
    Import,
    last_name,
)
from netra.guard.lazily import lazily
from netra.guard.onlookers import only_looks_on
from netra.guard.symbols import ClassSymbol, External, FunctionSymbol, ModuleSymbol, Symbol, VariableSymbol

Answer = TypeVar("Answer")

Site: TypeAlias = tuple[FunctionSymbol, int, CallSite]
"""A call: the scope it stands in, its index there, and the call itself."""

BUILTINS: Final = frozenset(dir(builtins))

ENUMERATIONS: Final = frozenset({"Enum", "IntEnum", "StrEnum", "Flag", "IntFlag", "ReprEnum"})

# Decorators on functions of which none is called by its name alone: there is another of that name.
OTHERWISE_CALLED: Final = frozenset({"overload", "setter", "deleter", "register"})

# Bases that have no attribute of their own that anybody would look for.
OPEN: Final = frozenset(
    """builtins.object typing.Generic typing.Protocol abc.ABC typing_extensions.Generic typing_extensions.Protocol""".split()
)

# The name under which calls of what another call gives stand among all: `app.command("/ask")(ask)`.
GIVEN: Final = ""
# And those of what lies under a key: `app["sessions"]()`.
TAKEN_OUT: Final = "[]"

# A chain of re-exports longer than this is a cycle of imports.
LONGEST_CHAIN: Final = 12

NOTHING_NESTED: Final[tuple[dict[str, list[int]], dict[str, list[int]]]] = ({}, {})

_UNASKED: Final = External("?")
"""Stands for an answer that nobody has asked for yet."""


class Program:
    """All modules, and the way from a name to what it means."""

    def __init__(self, modules: Iterable[ModuleSymbol]) -> None:
        self.modules: dict[str, ModuleSymbol] = {}
        self.own: list[ModuleSymbol] = []
        self._beside: dict[tuple[str, str], ModuleSymbol] = {}
        self._alike: dict[str, list[ModuleSymbol]] = {}
        for module in modules:
            self.modules.setdefault(module.name, module)
            if not module.library:
                self.own.append(module)
                self._beside.setdefault((module.folder, PurePath(module.path).stem), module)
        for module in self.own:
            if module.apart_by:
                first = self.modules.get(module.own_name)
                self._alike.setdefault(module.own_name, [] if first is None else [first]).append(module)
        self._tops = {name.partition(".")[0] for name, each in self.modules.items() if not each.library}
        self._members: dict[tuple[ModuleSymbol, str], Symbol | None] = {}
        self._looked_up: dict[FunctionSymbol, dict[str, Symbol | None]] = defaultdict(dict)
        self._answers: dict[object, Any] = {}
        self._bases: dict[ClassSymbol, tuple[tuple[ClassSymbol, ...], bool]] = {}
        self._pass_over_onlookers()

    def _pass_over_onlookers(self) -> None:
        """Take off functions what only logs or times their calls: every question about them is then one about themselves."""
        looking = {each.name for each in self._wrapping() if each.facts.parameters}
        for module in self.own if looking else ():
            for facts in module.file.functions:
                if any(last_name(each.callee) in looking for each in facts.decorators):
                    module.function(facts.number).take_off(self._looks_on)

    def _wrapping(self) -> Iterator[FunctionSymbol]:
        """The functions that may be decorators: those around one that `wraps` another, and those around these."""
        for module in self.own:
            for facts in module.file.functions:
                if any(last_name(each.callee) == "wraps" for each in facts.decorators):
                    at = module.function(facts.number).parent
                    while at is not None and at.facts.sort != TOP:
                        yield at
                        at = at.parent

    def _looks_on(self, decorator: Decorator, function: FunctionSymbol) -> bool:
        match self.evaluate(decorator.callee, function.parent or function):
            case FunctionSymbol(module=module) as by if not module.library:
                return only_looks_on(decorator, by, function)
        return False

    # --- names -----------------------------------------------------------------------------------------------------------

    def lookup(self, name: str, scope: FunctionSymbol) -> Symbol | None:
        """What a name means in a scope; None when nothing binds it, or several things that disagree."""
        known = self._looked_up[scope]
        found = known.get(name, _UNASKED)
        if found is _UNASKED:
            found = known[name] = self._look_up(name, scope)
        return found

    def _look_up(self, name: str, scope: FunctionSymbol) -> Symbol | None:
        at: FunctionSymbol | None = scope
        while at is not None:
            # The names of a class body are seen by its own statements, not by its methods.
            if (at.facts.sort != BODY or at is scope) and name in at.bound:
                return self._bound(name, at, 0) if at is scope else self.lookup(name, at)
            if name in at.facts.globals and at.parent is not None:
                # `nonlocal` says so as well: what no module has is of a function around this one.
                at = at.module.top if name in at.module.top.bound else at.parent
                continue
            at = at.parent
        for each in scope.module.top.imported.get("*", ()):
            if (found := self._through_star(each, scope.module, name, 0)) is not None:
                return found
        return External(f"builtins.{name}") if name in BUILTINS else self._from_outside(name, scope.module)

    def _from_outside(self, name: str, module: ModuleSymbol) -> Symbol | None:
        """`environ` of `from os import *`: what nothing here binds comes from the one module outside that may bring it."""
        stars = module.top.imported.get("*", ())
        if len(stars) != 1 or stars[0].level or name.startswith("_") or self._module(stars[0].module.partition(".")[0], module):
            return None
        return External(f"{stars[0].module}.{name}")

    def _bound(self, name: str, scope: FunctionSymbol, depth: int) -> Symbol | None:
        if name in scope.parameters:
            return VariableSymbol(scope, name)
        functions, classes = scope.module.nested.get(scope.facts.number, NOTHING_NESTED)
        if name in functions or name in classes:
            if any(_is_in_a_branch(each.line, scope) for each in scope.imported.get(name, ())):
                return None  # `if HAS_KEYS: from app import Client` / `else: class Client: ...`: one or the other
            if name in scope.module.rebinding and any(name in each.assigned for each in scope.module.rebinding[name]):
                return None  # `global reader` / `reader = Reader()` in a function: from then on it is something else
            found: list[Symbol] = [scope.module.of_class(index) for index in classes.get(name, ())]
            found += one_of([scope.module.function(index) for index in functions.get(name, ())])
            return found[0] if len(found) == 1 else None
        if imports := scope.imported.get(name):
            if len(imports) == 1:
                return self.imported(imports[0], scope.module, depth + 1)
            # `try: from a import x` / `except ImportError: from b import x`: the one that is part of the program. When two
            # are, it is one or the other, and nobody can say which.
            symbols = [self.imported(each, scope.module, depth + 1) for each in imports]
            of_program = {each for each in symbols if each is not None and not isinstance(each, External)}
            if of_program and scope.facts.sort in (PLAIN, ASYNC) and len({*symbols}) > 1 and not _is_tried(imports, scope):
                return None  # each branch of the function imports its own
            return next(iter(of_program)) if len(of_program) == 1 else None if of_program else symbols[0]
        return VariableSymbol(scope, name)

    def imported(self, each: Import, module: ModuleSymbol, depth: int = 0) -> Symbol | None:
        """What an import binds."""
        if depth > LONGEST_CHAIN:
            return None
        target = self.absolute(each, module)
        if target is None:
            return None
        if not each.name:
            return self._module(target, module) or External(target)
        # What a package of the environment lacks, guard has not read; the program itself has lost it.
        lost = "." if each.level and not module.library else ""
        source = self._module(target, module)
        if source is not None and source is not module:
            found = self.member(source, each.name, depth + 1)
            if isinstance(found, VariableSymbol) and source.package and f"{target}.{each.name}" in self.modules:
                return (
                    None  # `jobs = Jobs()` in a package that has a module `jobs`: which one it is depends on who imports first
                )
            if found is not None:
                return found
        if (inner := self._module(f"{target}.{each.name}", module)) is not None:
            return inner
        return External(f"{lost}{target}.{each.name}")

    def absolute(self, each: Import, module: ModuleSymbol) -> str | None:
        """The full name of the module that an import names; None when it leads out of the top."""
        if not each.level:
            return each.module
        parts = module.name.split(".")
        keep = len(parts) - each.level + (1 if module.package else 0)
        if keep < 0:
            return None
        return ".".join([*parts[:keep], each.module] if each.module else parts[:keep])

    def _module(self, dotted: str, near: ModuleSymbol) -> ModuleSymbol | None:
        if "." not in dotted and not near.package and "." not in near.name:
            # A script's own folder is on its path, before all others.
            beside = self._beside.get((near.folder, dotted))
            if beside is not None and beside is not near:
                return beside
        return self.module_named(dotted, near)

    def module_named(self, dotted: str, near: ModuleSymbol) -> ModuleSymbol | None:
        """The module of a name; where several programs have one, `app.db` of each service, the one that lies nearest."""
        alike = self._alike.get(dotted)
        if alike is None:
            return self.modules.get(dotted)
        parts = near.folder.split("/")
        return max(alike, key=lambda each: sum(takewhile(bool, map(eq, parts, each.folder.split("/")))))

    def member(self, module: ModuleSymbol, name: str, depth: int = 0) -> Symbol | None:
        """What `module.name` is, re-exports followed."""
        key = (module, name)
        if key in self._members:
            return self._members[key]
        self._members[key] = None  # what a cycle of re-exports finds
        found: Symbol | None = None
        if name in module.top.bound and name not in module.top.unsaid:
            found = self._bound(name, module.top, depth)
        else:
            for each in module.top.imported.get("*", ()):
                if (found := self._through_star(each, module, name, depth)) is not None:
                    break
            else:
                if module.package:
                    found = self.modules.get(f"{module.name}.{name}")
        self._members[key] = found
        return found

    def source_of(self, each: Import, module: ModuleSymbol) -> ModuleSymbol | None:
        """The module of the program from which `from … import …` takes its name."""
        target = self.absolute(each, module)
        return None if target is None else self.module_named(target, module)

    def _through_star(self, each: Import, module: ModuleSymbol, name: str, depth: int) -> Symbol | None:
        source = None if depth > LONGEST_CHAIN else self.source_of(each, module)
        if source is None or source is module:
            return None
        exports = source.file.exports
        if (exports is not None and name not in exports) or (exports is None and name.startswith("_")):
            return None
        return self.member(source, name, depth + 1)

    def inside(self, external: External, name: str) -> Symbol:
        """What `external.name` is: a module or a member of a model, where there is one."""
        dotted = f"{external.dotted}.{name}"
        return self.modules.get(dotted) or External(dotted)

    def is_lost(self, dotted: str) -> bool:
        """The name belongs to the program itself, and yet there is no such module: it is missing, or does not parse."""
        return dotted.startswith(".") or dotted.partition(".")[0] in self._tops

    # --- classes ---------------------------------------------------------------------------------------------------------

    def order(self, of: ClassSymbol) -> tuple[tuple[ClassSymbol, ...], bool]:
        """A class and its bases in the order in which attributes are looked up, and whether all of them are known."""
        if of in self._bases:
            return self._bases[of]
        self._bases[of] = ((of,), True)  # what a cycle of bases finds
        above: list[tuple[ClassSymbol, ...]] = []
        closed = True
        for base in of.facts.bases:
            match self.base(base, of):
                case ClassSymbol() as symbol:
                    orders, known = self.order(symbol)
                    above.append(orders)
                    # Of an installed class guard knows what its code says, and not what else somebody's code makes of it.
                    closed = closed and known and not symbol.module.installed
                case External(dotted=dotted) if dotted in OPEN:
                    pass
                case _:
                    closed = False
        following = above[0] if len(above) == 1 else merged(above)
        self._bases[of] = ((of, *[each for each in following if each is not of]), closed)
        return self._bases[of]

    def is_enumeration(self, kind: ClassSymbol) -> bool:
        """A class below `enum.Enum`, whose members are objects of the class."""
        for each in self.order(kind)[0]:
            for base in each.facts.bases:
                if last_name(base) in ENUMERATIONS:
                    return True
        return False

    def bases(self, of: ClassSymbol) -> list[ClassSymbol | None]:
        """The classes directly above a class, in order; None for one that is not known."""
        found = [self.base(base, of) for base in of.facts.bases]
        of_program = [each for each in found if not (isinstance(each, External) and each.dotted in OPEN)]
        return [each if isinstance(each, ClassSymbol) else None for each in of_program]

    def base(self, base: Expression, of: ClassSymbol) -> Symbol | None:
        """What a base in the head of a class means."""
        around = of.module.function(of.facts.scope)
        found = self.evaluate(base[1] if base[0] == "subscript" else base, around)
        return self._before(of, around) if found is of else found

    def _before(self, of: ClassSymbol, around: FunctionSymbol) -> Symbol | None:
        """What a name meant before the class of that name: `class Job(Job)` is below an imported one, not below itself."""
        for each in around.imported.get(of.name, ()):
            return self.imported(each, of.module)
        if around.facts.sort == BODY and around.parent is not None:
            return self.lookup(of.name, around.parent)  # a class body sees what is around it until it has the name itself
        for each in of.module.top.imported.get("*", ()):
            if (found := self._through_star(each, of.module, of.name, 0)) is not None:
                return found
        return None

    def evaluate(self, expression: Expression, scope: FunctionSymbol) -> Symbol | None:
        """What names and dots mean, without any value: enough for bases, annotations and decorators."""
        # Asked so often that `match` would be felt.
        if expression[0] == "name":
            return self.lookup(expression[1], scope)
        if expression[0] == "attribute":
            owner, name = self.evaluate(expression[1], scope), expression[2]
            if isinstance(owner, ModuleSymbol):
                return self.member(owner, name) or self.inside(External(owner.name), name)
            if isinstance(owner, External):
                return self.inside(owner, name)
            if isinstance(owner, ClassSymbol):
                return self.nested_class(owner, name)
        return None

    def nested_class(self, of: ClassSymbol, name: str) -> ClassSymbol | None:
        _, classes = of.module.nested.get(of.facts.body, ({}, {}))
        return of.module.of_class(classes[name][0]) if name in classes else None

    @lazily
    def subclasses(self) -> dict[ClassSymbol, tuple[ClassSymbol, ...]]:
        """Every class below a class, at any depth."""
        found: dict[ClassSymbol, list[ClassSymbol]] = defaultdict(list)
        for module in self.own:
            for each in module.classes:
                for above in self.order(each)[0][1:]:
                    found[above].append(each)
        return {above: tuple(each) for above, each in found.items()}

    # --- indexes over everything -----------------------------------------------------------------------------------------

    def once(self, make: Callable[["Program"], Answer]) -> Answer:
        """What `make` works out of this program, worked out once for all analyses that ask."""
        if make not in self._answers:
            self._answers[make] = make(self)
        return self._answers[make]  # type: ignore[no-any-return]

    @lazily
    def scopes(self) -> tuple[FunctionSymbol, ...]:
        """Every function, class body and module of the program's own files, in order."""
        return tuple([scope for module in self.own for scope in module.functions])

    @lazily
    def calls_named(self) -> dict[str, list[tuple[FunctionSymbol, int]]]:
        """Every call, by the last name of what is called: (scope, index). What another call gives has no name: `GIVEN`, and
        neither has what lies under a key: `TAKEN_OUT`.

        What a module imports from another one under a name of its own is found under both: whoever asks who calls a function
        knows it by its own.
        """
        sites, numbers_of = self._sites
        found = {name: [sites[number][:2] for number in numbers] for name, numbers in numbers_of.items()}
        for module in self.own:
            for bound, name in self._own_names(module).items():
                here = [each for each in found.get(bound, ()) if each[0].module is module]
                here = [each for each in here if each[0].facts.calls[each[1]].callee == ("name", bound)]
                if here:
                    found[name] = [*found.get(name, ()), *here]
        return found

    def _own_names(self, module: ModuleSymbol) -> dict[str, str]:
        """`search` of `from .search import search as find_pages`, where the program has that module."""
        return {
            each.bound: each.name
            for function in module.file.functions
            for each in function.imports
            if each.name and each.bound not in (each.name, "") and not each.unsaid and self.source_of(each, module) is not None
        }

    @lazily
    def _sites(self) -> tuple[list[Site], dict[str, list[int]]]:
        """Every call of the program, in order; and of each last name of what is called, which of them these are."""
        sites: list[Site] = []
        found: dict[str, list[int]] = defaultdict(list)
        for scope in self.scopes:
            for index, call in enumerate(scope.facts.calls):
                callee = call.callee
                if callee[0] in ("name", "attribute"):  # `last_name`, written out: this loop sees every call there is
                    found[callee[-1]].append(len(sites))
                elif callee[0] == "call":
                    found[GIVEN].append(len(sites))
                elif callee[0] == "subscript":
                    found[TAKEN_OUT].append(len(sites))
                else:
                    continue
                sites.append((scope, index, call))
        return sites, dict(found)

    def calls_of(self, names: Iterable[str]) -> list[Site]:
        """The calls of anything with one of these last names, in the order in which they stand in the program."""
        sites, numbers_of = self._sites
        return [sites[number] for number in sorted([number for name in names for number in numbers_of.get(name, ())])]

    @lazily
    def classes_named(self) -> dict[str, list[ClassSymbol]]:
        found: dict[str, list[ClassSymbol]] = defaultdict(list)
        for module in self.modules.values():
            for each in () if module.installed else module.classes:
                found[each.name].append(each)
        return dict(found)


def merged(orders: list[tuple[ClassSymbol, ...]]) -> list[ClassSymbol]:
    """The orders of several bases as one, as Python merges them: a class comes after all that are below it."""
    left = [list(each) for each in (*orders, tuple(each[0] for each in orders)) if each]
    found: list[ClassSymbol] = []
    while left:
        later = {each for one in left for each in one[1:]}
        # Python refuses bases that contradict each other; of those, any order is as good.
        following = next((one[0] for one in left if one[0] not in later), left[0][0])
        found.append(following)
        left = [kept for one in left if (kept := [each for each in one if each is not following])]
    return found


def _is_in_a_branch(line: int, scope: FunctionSymbol) -> bool:
    return any(block.what in ("if", "else") and block.line <= line <= block.end_line for block in scope.facts.blocks)


def _is_tried(imports: list[Import], scope: FunctionSymbol) -> bool:
    """One of the imports stands in a `try`, and another is for when it fails."""
    return any(
        block.what == "try" and block.line <= each.line <= block.end_line for each in imports for block in scope.facts.blocks
    )


def one_of(functions: list[FunctionSymbol]) -> list[FunctionSymbol]:
    """The functions of one name in one scope that a call may reach: overloads and setters of properties are left out."""
    kept = [each for each in functions if OTHERWISE_CALLED.isdisjoint(each.decorator_names)]
    if len(kept) > 1 and len({(each.facts.sort, each.facts.yields) for each in kept}) == 1:
        return kept[-1:]  # `if POSIX: def f()` / `else: def f()`: alike as far as guard looks
    return kept


def imported_packages(program: Program) -> frozenset[str]:
    """The top packages that the program imports anything from."""
    return frozenset([each.module.partition(".")[0] for scope in program.scopes for each in scope.facts.imports])


def imported_parts(program: Program) -> frozenset[str]:
    """Every part of a name that some import has: by one of them a module may be meant, wherever its folder is on the path."""
    found: set[str] = set()
    for scope in program.scopes:
        for each in scope.facts.imports:
            found.update(each.module.split("."))
            found.add(each.name)
    return frozenset(found)
