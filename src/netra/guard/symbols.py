"""What names stand for: modules, functions, classes and variables of a program, and what belongs to somebody else."""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from pathlib import PurePath
from typing import Final, TypeAlias

from netra.guard.facts import (
    BODY,
    TOP,
    Assignment,
    CallSite,
    Class,
    Decorator,
    Expression,
    File,
    Function,
    Import,
    last_name,
)
from netra.guard.immutable import immutable
from netra.guard.lazily import lazily

# Folders of tests: `tests`, `integration_tests`, `tests-unit`.
TESTING: Final = re.compile(r"tests?|(\w|-)*[_-]tests|tests[_-](\w|-)*|unit_?tests?|e2e|testsuite")

OF_TEMPLATES: Final = frozenset("templates template project_template skeleton scaffold scaffolding boilerplate stubs".split())

# What stands behind a dot in the names of files that a server loads by their path: `gunicorn.conf.py`.
LOADED_BY_PATH: Final = frozenset("conf config cfg settings".split())

# Folders in which copies of libraries lie.
VENDORED: Final = frozenset("_vendor _vendored vendored _vendored_packages third_party _thirdparty thirdparty".split())

# How copies are called that somebody has put aside.
PUT_ASIDE: Final = re.compile(
    r"[. ](backup|bak|back|copy|old|orig|original|save|disabled)\d*$| copy \d+$| ?\(\d+\)$", re.IGNORECASE
)

# Folders for what is no longer, or not yet, part of the program.
SET_ASIDE: Final = frozenset("_retired _todo _attic _old _unused _graveyard _disabled _archived".split())

# `settings.tpl.py`
NAMED_TEMPLATE: Final = frozenset(".tpl .tmpl .template .jinja .jinja2 .j2 .mako .in".split())

OWN: Final = (("name", "self"), ("name", "cls"))

# The module of the library `atpublic`, whose functions write what they are given by name into the module that calls them.
PUBLISHING: Final = "public"


@immutable
class External:
    """A name of somebody else's module, or a builtin: `time.sleep`, `builtins.len`."""

    dotted: str

    @property
    def last(self) -> str:
        return self.dotted.rpartition(".")[2]


@dataclass(eq=False, repr=False)
class ModuleSymbol:
    """One file of the program, one model of a library, or one file of a package that is installed beside the program."""

    name: str
    path: str
    file: File
    package: bool
    library: bool = False
    digest: bytes = b""
    installed: bool = False
    """It is read out of an environment: a library whose signatures are what they are, written with no thought of guard."""
    apart_by: str = ""
    """The folder with which its name begins, where another folder has a package of the name that its program calls it by."""
    _functions: dict[int, "FunctionSymbol"] = field(default_factory=dict, repr=False)
    _classes: dict[int, "ClassSymbol"] = field(default_factory=dict, repr=False)

    @property
    def own_name(self) -> str:
        """What its program calls it: `app.db` of the module `orders.app.db` in the folder `orders`."""
        return self.name.removeprefix(f"{self.apart_by}.") if self.apart_by else self.name

    @lazily
    def model(self) -> bool:
        """It is one of guard's own models of a library."""
        return self.library and not self.installed

    def function(self, index: int) -> "FunctionSymbol":
        if (found := self._functions.get(index)) is None:
            found = self._functions[index] = FunctionSymbol(self, self.file.functions[index])
        return found

    def of_class(self, index: int) -> "ClassSymbol":
        if (found := self._classes.get(index)) is None:
            found = self._classes[index] = ClassSymbol(self, self.file.classes[index])
        return found

    @lazily
    def functions(self) -> tuple["FunctionSymbol", ...]:
        return tuple([self.function(each.number) for each in self.file.functions])

    @lazily
    def classes(self) -> tuple["ClassSymbol", ...]:
        return tuple([self.of_class(each.number) for each in self.file.classes])

    @lazily
    def top(self) -> "FunctionSymbol":
        return self.function(0)

    @lazily
    def nested(self) -> dict[int, tuple[dict[str, list[int]], dict[str, list[int]]]]:
        """Of each scope: the functions and the classes that stand directly in it, by name."""
        found: dict[int, tuple[dict[str, list[int]], dict[str, list[int]]]] = {}
        for each in self.file.functions:
            if each.sort not in (TOP, BODY):
                found.setdefault(each.parent, ({}, {}))[0].setdefault(each.name, []).append(each.number)
        for one in self.file.classes:
            found.setdefault(one.scope, ({}, {}))[1].setdefault(one.name, []).append(one.number)
        return found

    @lazily
    def within(self) -> dict[int, list[int]]:
        """Of each scope: every function, lambda and class body that stands directly in it."""
        found: dict[int, list[int]] = {}
        for each in self.file.functions:
            found.setdefault(each.parent, []).append(each.number)
        return found

    @lazily
    def decorator_names(self) -> frozenset[str]:
        """The last names of all decorators on its functions."""
        return frozenset([name for each in self.functions if each.decorator_names for name in each.decorator_names])

    @lazily
    def folder(self) -> str:
        """The folder it lies in."""
        return str(PurePath(self.path).parent)

    @lazily
    def rebinding(self) -> dict[str, list["FunctionSymbol"]]:
        """Of each name that functions declare `global` or `nonlocal`: these functions."""
        found: dict[str, list[FunctionSymbol]] = {}
        for each in self.file.functions:
            for name in dict.fromkeys(each.globals):
                found.setdefault(name, []).append(self.function(each.number))
        return found

    @property
    def is_template(self) -> bool:
        """It lies in a folder whose files are filled in before anybody runs them, or its name says that it is such a file."""
        path = PurePath(self.path)
        return not OF_TEMPLATES.isdisjoint(path.parts[:-1]) or not NAMED_TEMPLATE.isdisjoint(path.suffixes[:-1])

    @property
    def is_put_aside(self) -> bool:
        """A copy that nothing can import, by its name: `client.backup.py`, `notes.del.py`, `views copy.py`, `main (1).py`; or
        what lies in a folder for such: `agents/_retired/hound.py`.
        """
        path = PurePath(self.path)
        _, dot, last = path.stem.partition(".")
        copied = bool(PUT_ASIDE.search(path.stem)) or bool(dot and last not in LOADED_BY_PATH)
        return copied or not SET_ASIDE.isdisjoint(path.parts[:-1])

    @property
    def is_vendored(self) -> bool:
        """A library that was copied into the program, by its folder: `app/_vendor/yaml/scanner.py`. Others mend it."""
        return not VENDORED.isdisjoint(PurePath(self.path).parts[:-1])

    @lazily
    def in_tests(self) -> bool:
        """A test, or what only tests use: nothing of it serves a user. Told by its path, or by the test cases in it."""
        parts = PurePath(self.path).parts
        name = parts[-1]
        return (
            name.startswith(("test_", "tests_"))
            or name.endswith(("_test.py", "_tests.py"))
            or name in ("conftest.py", "tests.py")
            or any(TESTING.fullmatch(part) for part in parts[:-1])
            or any(_is_test_case(each.bases) and self._tests_in(each) for each in self.file.classes)
        )

    def _tests_in(self, kind: Class) -> bool:
        return any(each.owner == kind.number and each.name.startswith("test") for each in self.file.functions)


class FunctionSymbol:
    """A function in its module; also the code of a module or of a class body."""

    # What nearly every question asks of a function is there from the beginning: Python reads it in a fifth of the time that
    # it takes to look for what was worked out late.
    def __init__(self, module: ModuleSymbol, facts: Function) -> None:
        self.module = module
        self.facts = facts
        self.name = facts.name
        self.parent: FunctionSymbol | None = None if facts.parent < 0 else module.function(facts.parent)
        self.owner: ClassSymbol | None = None if facts.owner < 0 or facts.sort == BODY else module.of_class(facts.owner)
        self.parameters = {each.name: number for number, each in enumerate(facts.parameters)}
        """The name of each parameter, with its number."""
        self.decorator_names = frozenset([name for each in facts.decorators if (name := last_name(each.callee))])
        """The last names of its decorators."""

    def take_off(self, unneeded: Callable[[Decorator, "FunctionSymbol"], bool]) -> None:
        """Be without the decorators of which this is true."""
        decorators = tuple([each for each in self.facts.decorators if not unneeded(each, self)])
        self.facts = replace(self.facts, decorators=decorators)
        self.decorator_names = frozenset([name for each in decorators if (name := last_name(each.callee))])

    @property
    def full_name(self) -> str:
        return f"{self.module.name}.{self.facts.qualified}" if self.facts.qualified else self.module.name

    @property
    def object_of(self) -> "ClassSymbol | None":
        """The class of whose objects `self` is one here: of which it, or the nearest function around it, is a method."""
        at: FunctionSymbol | None = self
        while at is not None and at.owner is None:
            at = at.parent
        return None if at is None else at.owner

    def is_unreached(self, line: int) -> bool:
        """Nobody gets to this line of the scope: it follows a `return`, say, or the whole scope stands in such a place."""
        at: FunctionSymbol | None = self
        while at is not None:
            for first, last in at.facts.unreached:
                if first <= line <= last:
                    return True
            at = at.parent
        return False

    @lazily
    def assigned(self) -> dict[str, list[Assignment]]:
        """Every assignment to a plain name in this scope."""
        found: dict[str, list[Assignment]] = {}
        for each in self.facts.assignments:
            if each.target[0] == "name":
                found.setdefault(each.target[1], []).append(each)
        return found

    @lazily
    def assignments_on(self) -> dict[int, list[Assignment]]:
        """Its assignments by their lines: a module of settings has hundreds, and each is asked for by its line."""
        found: dict[int, list[Assignment]] = {}
        for each in self.facts.assignments:
            found.setdefault(each.line, []).append(each)
        return found

    @lazily
    def calls_on(self) -> dict[int, list[CallSite]]:
        """Its calls by their lines."""
        found: dict[int, list[CallSite]] = {}
        for each in self.facts.calls:
            found.setdefault(each.line, []).append(each)
        return found

    @lazily
    def attributes_read(self) -> list[tuple[Expression, int, int]]:
        """Each ("attribute", object, name) that it reads, with its line and column: of `a.b.c()` both `a.b.c` and `a.b`."""
        found: list[tuple[Expression, int, int]] = []
        for read in self.facts.reads:
            expression = read.expression
            while expression[0] == "attribute":
                found.append((expression, read.line, read.column))
                expression = expression[1]
        for call in self.facts.calls:
            expression = call.callee
            while expression[0] == "attribute":
                found.append((expression, call.line, call.column))
                expression = expression[1]
        return found

    @lazily
    def called(self) -> frozenset[str]:
        """The last names of what it calls."""
        return frozenset([each.callee[-1] for each in self.facts.calls if each.callee[0] in ("name", "attribute")])

    @lazily
    def rebound(self) -> frozenset[Expression]:
        """Attributes of objects that this scope sets, other than those of `self`."""
        targets = [each.target for each in self.facts.assignments if each.target[0] == "attribute"]
        return frozenset([target for target in targets if target[1] not in OWN]) if targets else frozenset()

    @lazily
    def imported(self) -> dict[str, list[Import]]:
        found: dict[str, list[Import]] = {}
        for each in self.facts.imports:
            if each.bound:
                found.setdefault(each.bound, []).append(each)
        return found

    @lazily
    def unsaid(self) -> dict[str, str]:
        """What it imports under other names, by its own, with how it is written here: nobody else finds it under its own."""
        found = {}
        for own in (each for each in self.facts.imports if each.unsaid):
            for each in self.facts.imports:
                if not each.unsaid and (each.module, each.level, each.line) == (own.module, own.level, own.line):
                    if each.name == own.name:
                        found[own.bound] = each.bound
                    elif not each.name:  # `import flask`, and `request` of it
                        found[own.bound] = f"{each.bound}.{own.bound}"
        return found

    @lazily
    def children(self) -> tuple["FunctionSymbol", ...]:
        """Functions, lambdas and class bodies that stand directly in it."""
        return tuple(map(self.module.function, self.module.within.get(self.facts.number, ())))

    @lazily
    def bound(self) -> frozenset[str]:
        """Every name that this scope gives a meaning of its own."""
        facts = self.facts
        names = [*self.parameters, *self.assigned]
        if facts.imports:
            names += [*self.imported, *self._published]
        if (within := self.module.nested.get(facts.number)) is not None:
            names += [name for named in within for name in named]
        return frozenset(names).difference(facts.globals)

    @property
    def _published(self) -> Iterable[str]:
        """What `public(config=Configuration())` of the library `public` makes names of the module."""
        by = [each.bound for each in self.facts.imports if each.module == PUBLISHING and each.bound]
        return [name for call in self.facts.calls if last_name(call.callee) in by for name, _ in call.keywords] if by else ()


class ClassSymbol:
    """A class in its module."""

    def __init__(self, module: ModuleSymbol, facts: Class) -> None:
        self.module = module
        self.facts = facts
        self.name = facts.name

    @lazily
    def full_name(self) -> str:
        return f"{self.module.name}.{self.facts.qualified}"

    @lazily
    def body(self) -> FunctionSymbol:
        return self.module.function(self.facts.body)

    @lazily
    def methods(self) -> dict[str, list[FunctionSymbol]]:
        functions, _ = self.module.nested.get(self.facts.body, ({}, {}))
        return {name: [self.module.function(index) for index in found] for name, found in functions.items()}

    @lazily
    def set_on_self(self) -> dict[str, list[tuple[FunctionSymbol, Assignment]]]:
        """Attributes that its methods set on `self` or `cls`."""
        found: dict[str, list[tuple[FunctionSymbol, Assignment]]] = {}
        for methods in self.methods.values():
            for method in methods:
                for each in method.facts.assignments:
                    match each.target:
                        case ("attribute", ("name", "self" | "cls"), str(name)):
                            found.setdefault(name, []).append((method, each))
        return found

    @property
    def is_test_case(self) -> bool:
        """It derives, as it stands there, from a class of `unittest` or from one that is called like those."""
        return _is_test_case(self.facts.bases)


def _is_test_case(bases: tuple[Expression, ...]) -> bool:
    return any((last_name(base) or "").endswith("TestCase") for base in bases)


@immutable
class VariableSymbol:
    """A name that code at the top of a module, in a class body or in a function assigns, or a parameter."""

    scope: FunctionSymbol
    name: str


Symbol: TypeAlias = ModuleSymbol | FunctionSymbol | ClassSymbol | VariableSymbol | External


def name_in_library(symbol: Symbol | None) -> str:
    """The full name of what a library gives: `sqlalchemy.create_engine`. "" for what is of the program itself."""
    match symbol:
        case External(dotted=dotted):
            return dotted
        case FunctionSymbol(module=module) | ClassSymbol(module=module) if module.library:
            return symbol.full_name
    return ""
