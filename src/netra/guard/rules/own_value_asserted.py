"""T102."""

import builtins
from collections.abc import Iterator

from netra.guard.analysis import Analysis
from netra.guard.facts import CallSite, Expression, last_name
from netra.guard.faults import Mend, Sighting
from netra.guard.rule import rule
from netra.guard.suites import asserts_by_call, bodies, inside
from netra.guard.symbols import ClassSymbol, FunctionSymbol

# `assert False` stands where nobody may get to.
FAILS = ("constant", "bool", False)
FAILING = (FAILS, ("tuple", (FAILS,)))
LITERALS = frozenset({"string", "constant", "none"})
COUNTING = frozenset("len sorted sum min max list tuple set dict str repr bool".split())
# Assertions of `unittest`, with how many of their arguments are compared.
METHODS = dict.fromkeys(("assertEqual", "assertIn", "assertIs"), 2) | dict.fromkeys(
    ("assertTrue", "assertFalse", "assertIsNone", "assertIsNotNone"), 1
)
# Methods in which a data class makes something else of what it is given.
DECIDING = frozenset({"__init__", "__post_init__", "__setattr__", "__getattribute__"})
# Decorators that leave a test what it is.
MARKING = frozenset(
    """asyncio anyio parametrize skip skipif skipIf skipUnless xfail expectedFailure usefixtures slow integration
    staticmethod""".split()
)
# What Python itself raises.
ERRORS = frozenset(name for name, value in vars(builtins).items() if isinstance(value, type) and issubclass(value, Exception))
# What waits for an error.
EXPECTING = frozenset("raises assertRaises assertRaisesRegex".split())
# Under these names a client is given what it sends, and leaves it as it is.
SENT = frozenset({"json", "params", "data", "headers"})
SPREAD = "**"
SENDING = frozenset("get post put patch delete request head options send stream generic".split())


@rule("T102", "own-value-asserted")
def own_value_asserted(analysis: Analysis) -> Iterator[Sighting]:
    """All that a test asserts is what it wrote down itself a few lines above.

    ```python
    def test_event():
        event = {"type": "agent_started"}
        assert event["type"] == "agent_started"  # T102
    ```

    Reported is only a test of which every assertion is like that: what is not a mere text or number was handed to nobody who
    could have changed it. So is one that raises itself what it expects (`with raises(ValueError): raise ValueError`). A field
    of a data class of the tests that does nothing but keep what it is given is what was given.
    """
    for scope in bodies(analysis):
        asserts = (*scope.facts.asserts, *_by_method(scope))
        if (raised := _raises_itself(scope)) and not asserts:
            message = f"`{scope.name}` raises itself what it expects to be raised"
            mend = Mend("call the code that should raise it")
            yield Sighting(scope, raised, scope.facts.column, raised, message, mend=mend)
            continue
        if any(test in FAILING or test[0] == "string" or _always_fails(test) for test, _ in asserts):
            continue
        if (
            asserts
            and all(_is_own(scope, _given(analysis, scope, test)) for test, _ in asserts)
            and not _asserts_otherwise(scope)
            and not _is_about_skipping(scope)
        ):
            line = asserts[0][1]
            message = f"all that `{scope.name}` asserts is what it wrote down itself"
            yield Sighting(scope, line, scope.facts.column, line, message, mend=Mend("assert what the code under test gives"))


def _raises_itself(scope: FunctionSymbol) -> int:
    """The line of the `raise` that is all that stands in the one block which expects it; 0 for any other test."""
    calls = scope.facts.calls
    blocks = [each for each in scope.facts.blocks if each.what == "with"]
    if len(blocks) != 1 or len(scope.facts.blocks) != 1 or len(scope.facts.raises) != 1:
        return 0
    block, raised = blocks[0], scope.facts.raises[0]
    entered = [calls[each[1]] for each in block.expressions if each[0] == "call"]
    expected = next((each.arguments[0] for each in entered if last_name(each.callee) in EXPECTING and each.arguments), None)
    # An error of the program's own may be raised to see what it says, or of which kind it is.
    if expected is None or expected[0] != "name" or expected[1] not in ERRORS or not block.line <= raised <= block.end_line:
        return 0
    others = [each for each in calls if each not in entered and not (each.line == raised and each.callee == expected)]
    return 0 if others or scope.facts.assignments or scope.facts.awaits else raised


def _always_fails(test: Expression) -> bool:
    """`assertEqual(False, "it was sent")` stands for `fail()`: two constants of different kinds, or two different texts."""
    parts: tuple[Expression, ...] = test[1] if test[0] in ("compare", "tuple") else ()
    if len(parts) == 1 and parts[0][0] == "string":
        return True  # `assertFalse("it must raise")`
    return len(parts) > 1 and all(each[0] in LITERALS for each in parts) and len(set(parts)) > 1


def _asserts_otherwise(scope: FunctionSymbol) -> bool:
    """By a call, or by getting past one: `assert True` behind a call of the code under test says that it did not raise."""
    names = [last_name(each.callee) or "" for each in scope.facts.calls if not _is_method(each)]
    constant = all(_is_constant(test) for test, _ in (*scope.facts.asserts, *_by_method(scope)))
    # A decorator that is called or that makes something else of the test runs it, and that it does may be all that is asked.
    runs = bool(scope.decorator_names - MARKING)
    return any(map(asserts_by_call, names)) or (constant and (bool(names) or runs))


def _is_about_skipping(scope: FunctionSymbol) -> bool:
    """Other tests of its class are skipped, and it says in words what it asserts: that it is run."""
    if scope.owner is None or not any(
        _is_method(call) and len(call.arguments) > METHODS[call.callee[2]] for call in scope.facts.calls
    ):
        return False
    methods = [method for methods in scope.owner.methods.values() for method in methods]
    skipped = any(name.startswith("skip") for method in methods for name in method.decorator_names)
    return skipped or any(each.target[-1] == "skip" for each in scope.owner.body.facts.assignments)


def _is_constant(test: Expression) -> bool:
    """`True`, `assertIsNone(None)`: it says nothing of anything, and marks the place that was reached."""
    parts = test[1] if test[0] in ("compare", "tuple") else (test,)
    return all(each[0] in ("constant", "none") for each in parts)


def _given(analysis: Analysis, scope: FunctionSymbol, expression: Expression) -> Expression:
    """The expression with what a data class was given in the place of the field that keeps it."""
    match expression:
        case ("attribute", ("name", str(name)), str(field)):
            assigned = scope.assigned.get(name, ())
            if (
                len(assigned) != 1
                or assigned[0].value[0] != "call"
                or _is_known_inside(scope, name)
                or _went_elsewhere(scope, name)
            ):
                return expression
            call = scope.facts.calls[assigned[0].value[1]]
            kept = dict(call.keywords).get(field)
            return kept if kept is not None and _keeps(analysis, call.callee, scope, field) else expression
        case ("compare", parts, operators):
            return ("compare", tuple(_given(analysis, scope, part) for part in parts), operators)
        case ("list" | "tuple" as kind, parts):
            return (kind, tuple(_given(analysis, scope, part) for part in parts))
        case ("not", inner):
            return ("not", _given(analysis, scope, inner))
    return expression


def _keeps(analysis: Analysis, callee: Expression, scope: FunctionSymbol, field: str) -> bool:
    """A data class of the tests that has no say in what becomes of a field. One of the program is the code under test."""
    match analysis.program.evaluate(callee, scope):
        case ClassSymbol() as kind if kind.module.in_tests:
            order, closed = analysis.program.order(kind)
            made = any(last_name(each.callee) == "dataclass" for each in kind.facts.decorators)
            said = any(
                each.methods.keys() & {"__init__", "__post_init__", "__setattr__", "__getattribute__", field} for each in order
            )
            named = any(field in each.body.assigned for each in order)
            return closed and made and named and not said
    return False


def _is_method(call: CallSite) -> bool:
    return call.callee[0] == "attribute" and call.callee[1] == ("name", "self") and call.callee[2] in METHODS


def _by_method(scope: FunctionSymbol) -> Iterator[tuple[Expression, int]]:
    """`self.assertEqual(a, b)` as the assertion that it is."""
    for call in scope.facts.calls:
        if _is_method(call) and len(call.arguments) >= METHODS[call.callee[2]]:
            yield ("tuple", call.arguments[: METHODS[call.callee[2]]]), call.line


def _is_own(scope: FunctionSymbol, expression: Expression) -> bool:
    """Nothing but literals, and names that only ever held literals and went nowhere."""
    match expression:
        case (kind, *_) if kind in LITERALS:
            return True
        case ("name", str(name)):
            assigned = scope.assigned.get(name, ())
            if len(assigned) != 1 or assigned[0].how != "=" or name in scope.facts.globals:
                return False
            value = assigned[0].value
            # A text or number is the same wherever it goes; a function inside may give the name another.
            if _is_known_inside(scope, name) or (value[0] not in LITERALS and _went_elsewhere(scope, name)):
                return False
            return _is_literal(value) or (
                value[0] in ("name", "operator", "dict") and value != expression and _is_own(scope, value)
            )
        case ("dict", pairs):
            return all(_is_literal(key) and (_is_literal(part) or _is_text(scope, part)) for key, part in pairs)
        case ("subscript", inner, key):
            return _is_own(scope, inner) and _is_own(scope, key)
        case ("compare", parts, _) | ("list" | "tuple" | "set", parts):
            return all(_is_own(scope, part) for part in parts)
        case ("not", inner):
            return _is_own(scope, inner)
        case ("operator", "+" | "%" | "", left, right):
            return all((part[0] == "list" and _is_literal(part)) or _is_own(scope, part) for part in (left, right))
        case ("call", int(index)):
            call = scope.facts.calls[index]
            builtin = call.callee[0] == "name" and call.callee[1] in COUNTING
            return builtin and not call.keywords and all(_is_own(scope, each) for each in call.arguments)
        case ("choice", parts):
            return all(_is_own(scope, part) for part in parts)
    return False


def _is_text(scope: FunctionSymbol, expression: Expression) -> bool:
    """A name that is given one text or number in the test, and nothing else."""
    given = scope.assigned.get(expression[1], ()) if expression[0] == "name" else ()
    return len(given) == 1 and given[0].how == "=" and given[0].value[0] in LITERALS and _is_own(scope, expression)


def _is_known_inside(scope: FunctionSymbol, name: str) -> bool:
    """A function in the test reads or sets it."""
    below = inside(scope)
    return any(name in child.facts.loads or name in child.facts.globals or child.assigned.get(name) for child in below)


def _went_elsewhere(scope: FunctionSymbol, name: str) -> bool:
    """Somebody else may have changed it: a method of its own, a call that it was given to."""
    mentioned = str(("name", name))
    # `rename(expected["id"])` gets a text out of it, and not the dictionary.
    texts = [
        str(("subscript", ("name", name), key))
        for each in scope.assigned.get(name, ())
        if each.value[0] == "dict"
        for key, part in each.value[1]
        if part[0] in LITERALS
    ]

    def without(text: str) -> str:
        for each in texts:
            text = text.replace(each, "")
        return text

    passed = any(
        mentioned
        in without(str((call.callee, call.arguments, [each for each in call.keywords if not _is_sent(call, each[0])])))
        for call in scope.facts.calls
        if not _is_method(call) and not (call.callee[0] == "name" and call.callee[1] in COUNTING)
    )
    kept = any(
        mentioned in str((each.target[1:], each.value))
        for each in scope.facts.assignments
        if each.target != ("name", name) and not (each.target[0] == "name" and each.value == ("name", name))
    )
    return passed or kept


def _is_sent(call: CallSite, name: str | None) -> bool:
    """`client.post(url, json=body)`: on its way, and left as it is. What makes an object keeps it, under whatever name.

    `orders.add(**body)` hands over what is in it, and not the dictionary.
    """
    return name == SPREAD or (name in SENT and call.callee[0] == "attribute" and call.callee[2] in SENDING)


def _is_literal(expression: Expression) -> bool:
    match expression:
        case (kind, *_) if kind in LITERALS:
            return True
        case ("list" | "tuple" | "set", parts):
            return all(_is_literal(part) for part in parts)
        case ("dict", pairs):
            return all(_is_literal(key) and _is_literal(value) for key, value in pairs)
    return False
