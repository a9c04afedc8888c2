"""Under which name others find what is read of the environment: a name, a field, an argument of a class, or a function.

KEY = os.environ["KEY"]
Settings(key=os.environ["KEY"])
def key(): return os.environ["KEY"]
"""

from typing import Final

from netra.guard.analysis import Analysis
from netra.guard.environment import Access
from netra.guard.facts import ASYNC, LAMBDA, PLAIN, Expression, last_name
from netra.guard.meaning.expressions import comparisons, within
from netra.guard.settings import target_of, values_of
from netra.guard.standing_in import is_read_in, lines_near
from netra.guard.symbols import ClassSymbol, FunctionSymbol

# They compare two texts in a time that tells nothing.
COMPARING: Final = frozenset({"compare_digest"})

# What is given to these by a name is found under it.
HOLDING: Final = frozenset({"dict", "update", "from_mapping"})

# Of these, what a method gives is read like a field.
LIKE_FIELDS: Final = frozenset({"property", "cached_property"})


def kept_under(analysis: Analysis, access: Access) -> str:
    """The name, field or argument that gets what is read, in whatever form: `self.key = os.environ["KEY"].encode()`."""
    return _key(access) or _argument(analysis, access) or target_of(access) or _field(access)


def _key(access: Access) -> str:
    """`key` of `CONFIG = {"key": os.environ["KEY"]}`."""
    for each in (one for line in lines_near(access) for one in access.scope.assignments_on.get(line, ())):
        if each.value[0] == "dict":
            for key, value in each.value[1]:
                if key[0] == "string" and is_read_in(value, access):
                    return str(key[1])
    return ""


def _field(access: Access) -> str:
    for each in (one for line in lines_near(access) for one in access.scope.assignments_on.get(line, ())):
        if each.how in ("=", "annotated") and is_read_in(each.value, access):
            return each.target[2][1] if _is_item(each.target) else last_name(each.target) or ""
    body = access.scope.parent
    if access.scope.facts.sort == LAMBDA and body is not None:
        # `key: str = field(default_factory=lambda: os.getenv("KEY", "x"))`
        for each in body.facts.assignments:
            if each.value[0] == "call" and ("lambda", access.scope.facts.number) in body.facts.calls[each.value[1]].given:
                return last_name(each.target) or ""
    return ""


def _is_item(target: Expression) -> bool:
    """`app.config["KEY"]`"""
    return target[0] == "subscript" and bool(target[2][0] == "string")


def _argument(analysis: Analysis, access: Access) -> str:
    """`key` of `Settings(key=os.environ["KEY"])`, a class of the program, and of `config.update(key=os.environ["KEY"])`."""
    scope = access.scope
    for line in lines_near(access):
        for call in scope.calls_on.get(line, ()):
            if call.end_line < access.line or not call.keywords:
                continue
            name = last_name(call.callee) or ""
            if name in HOLDING or name == "cls" or name[:1].isupper():
                names = [each for each, value in call.keywords if each != "**" and is_read_in(value, access)]
                if names and (name in HOLDING or _is_class(analysis, call.callee, scope)):
                    return names[0]
    return ""


def _is_class(analysis: Analysis, callee: Expression, scope: FunctionSymbol) -> bool:
    if callee == ("name", "cls") and "classmethod" in scope.decorator_names:
        return True
    found = analysis.program.evaluate(callee, scope)
    return isinstance(found, ClassSymbol) and not found.module.library


def given_by(access: Access) -> str:
    """The function that gives what it reads, by its name."""
    scope = access.scope
    if scope.facts.sort not in (PLAIN, ASYNC):
        return ""
    names = {
        each.target
        for line in lines_near(access)
        for each in scope.assignments_on.get(line, ())
        if each.how == "=" and is_read_in(each.value, access)
    }
    returned = (part for each in scope.facts.returned for part in within(each.value, scope))
    if any(each in names for each in returned) or any(is_read_in(each.value, access) for each in scope.facts.returned):
        return scope.name
    return ""


def is_like_field(scope: FunctionSymbol) -> bool:
    """A property: others read it by its name."""
    return not scope.decorator_names.isdisjoint(LIKE_FIELDS)


def compared_with(access: Access) -> list[Expression]:
    """What it is held against right where it is read, and is not written down: `given != os.getenv("TOKEN", "")`."""
    scope = access.scope
    tests = [test for each in scope.facts.blocks if each.what == "if" for test in each.expressions]
    sides = [parts for each in (*tests, *values_of(scope)) for parts, how in comparisons(each) if how in (("Eq",), ("NotEq",))]
    sides += [each.arguments for each in scope.facts.calls if last_name(each.callee) in COMPARING]
    held = [parts for parts in sides if len(parts) == 2 and any(is_read_in(each, access) for each in parts)]
    others = (each for parts in held for each in parts if not is_read_in(each, access))
    return [each for each in others if each[0] not in ("string", "constant", "none")]
