from collections.abc import Iterator

import pytest

from netra.guard.facts import last_name
from netra.guard.meaning.flow import FALLS, RAISES, Flow, Happening, Stretch, WayOut
from tests.guard.programs import understood


def flow(body: str) -> Flow:
    lines = "".join(f"    {line}\n" for line in body.splitlines())
    return Flow(understood(f"def f():\n{lines}").functions[1])


def ways(body: str, *, trusting: bool = False) -> set[tuple[str, object]]:
    """How a function can be left, with whether something is open: `open()` opens it, `close()` closes it, all others fail."""
    tree = flow(body)

    def called(event: Happening) -> str | None:
        return last_name(tree.facts.calls[event.at].callee) if event.what == "call" else event.what

    def move(event: Happening, state: str) -> Iterator[tuple[str, str]]:
        match called(event):
            case "open":
                yield FALLS, "open"
            case "close":
                yield FALLS, "closed"
            case "exit" if event.expression == ("name", "held"):
                yield FALLS, "closed"
            case "enter" | "exit" | "suppress":
                yield FALLS, state
            case _:
                yield FALLS, state
                yield RAISES, state

    def skipped(stretch: Stretch, state: str) -> str:
        return "closed" if any(called(each) == "close" for each in stretch.events()) else state

    return {(way.how, way.state) for way in tree.ways("none", move, skipped if trusting else None)}


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("open()\nclose()", {("falls", "closed")}),
        ("open()\nwork()\nclose()", {("falls", "closed"), ("raise", "open")}),
        ("open()\ntry:\n    work()\nfinally:\n    close()", {("falls", "closed"), ("raise", "closed")}),
        ("open()\nif a:\n    return\nclose()", {("return", "open"), ("falls", "closed")}),
        ("open()\nif a:\n    close()\nelse:\n    close()", {("falls", "closed")}),
        ("open()\nif a:\n    pass\nelif b:\n    return 1\nelse:\n    raise E\nclose()",
         {("return", "open"), ("raise", "open"), ("falls", "closed")}),
        ("open()\ntry:\n    work()\nexcept E:\n    return\nclose()",
         {("return", "open"), ("raise", "open"), ("falls", "closed")}),
        ("open()\ntry:\n    work()\nexcept Exception:\n    return\nclose()", {("return", "open"), ("falls", "closed")}),
        ("open()\ntry:\n    work()\nexcept:\n    raise\nelse:\n    close()", {("raise", "open"), ("falls", "closed")}),
        ("while True:\n    open()\n    if a:\n        break\n    close()", {("falls", "open")}),
        ("open()\nfor x in y:\n    close()", {("falls", "open"), ("falls", "closed")}),
        ("for x in y:\n    open()\n    if a:\n        continue\n    close()",
         {("falls", "none"), ("falls", "open"), ("falls", "closed")}),
        ("open()\nmatch a:\n    case 1:\n        close()\n    case _:\n        close()", {("falls", "closed")}),
        ("open()\nmatch a:\n    case 1:\n        close()", {("falls", "closed"), ("falls", "open")}),
        ("open()\nwith suppress(E):\n    work()", {("falls", "open"), ("raise", "open")}),
        ("open()\nwith held:\n    work()", {("falls", "closed"), ("raise", "closed")}),
        ("open()\nreturn work(close())", {("return", "closed"), ("raise", "closed")}),
    ],
)  # fmt: skip
def test_every_way_out_of_a_function_is_found(body: str, expected: set[tuple[str, object]]) -> None:
    assert ways(body) == expected


def test_who_asks_may_say_what_an_if_means_that_is_passed_by() -> None:
    assert ways("open()\nif mine:\n    close()", trusting=True) == {("falls", "closed")}
    assert ways("open()\nif a:\n    close()\n    return", trusting=True) == {("return", "closed"), ("falls", "open")}


def test_a_way_knows_the_line_at_which_it_leaves() -> None:
    found = flow("if a:\n    return 1\nreturn 2").ways(0, lambda event, state: [(FALLS, state)])
    assert found == [WayOut("return", 0, 3), WayOut("return", 0, 4)]


def test_an_error_that_is_only_looked_at_leaves_where_it_was_raised() -> None:
    def move(event: Happening, state: int) -> list[tuple[str, int]]:
        return [(FALLS, state), (RAISES, state)] if event.what == "call" else [(FALLS, state)]

    def lines(handler: str) -> list[int]:
        found = flow(f"try:\n    work()\nexcept Exception as error:\n    {handler}").ways(0, move)
        return [way.line for way in found if way.how == RAISES]

    assert lines("log(error)\n    raise") == [3]
    assert lines("raise Refused from error") == [5]
    assert lines("raise Refused()") == [5]


def test_a_call_happens_after_those_inside_it() -> None:
    tree = flow("a(b(c()))\nd().e()")
    names = [last_name(tree.facts.calls[each.at].callee) for each in tree.whole.events()]
    assert names == ["c", "b", "a", "d", "e"]
