from netra.guard.facts import dotted
from netra.guard.reading import attributes_of, is_waived, named, names_for, own_callables
from tests.guard.programs import analysed, function


def test_every_part_of_what_is_read_or_called_counts() -> None:
    scope = function(analysed("def f(a):\n    a.b.c()\n    return a.d.e\n").program, "example.f")
    found = [(dotted(expression), line) for expression, line, _ in scope.attributes_read]
    assert found == [("a.d.e", 3), ("a.d", 3), ("a.b.c", 2), ("a.b", 2)]


def test_attributes_are_found_by_what_they_are_read_of_in_the_order_of_the_program() -> None:
    text = "def f(a, b):\n    b.one.two\n    a.one()\n    c.one\n    f().one\n\ndef g(x):\n    return x.a.three\n"
    found = attributes_of(("a", "b", "one"), analysed(text))
    read = [(scope.name, dotted(expression), line) for scope, expression, line, _ in found]
    assert read == [("f", "b.one.two", 2), ("f", "b.one", 2), ("f", "a.one", 3), ("g", "x.a.three", 8)]


def test_a_name_is_followed_to_what_it_is_imported_and_assigned_as() -> None:
    analysis = analysed({"a.py": "class B: ...\n", "c.py": "from a import B as D\nE = D\nimport x.y as z\n"})
    assert names_for({"B"}, analysis) == {"B", "D", "E"}
    assert names_for({"y"}, analysis) == {"y", "z"}


def test_functions_and_classes_of_the_program_can_be_called_and_those_of_others_are_not_asked() -> None:
    names = own_callables(analysed("from os import path\nclass A:\n    def m(self): ...\nf = lambda: path.join()\n"))
    assert {"A", "m"} <= names and "join" not in names
    assert named(("attribute", ("name", "x"), "m"), names) and not named(("call", 0), names)


def test_a_line_is_waived_only_for_what_its_comment_is_about() -> None:
    top = analysed("f(1)  # type: ignore[call-arg]\nf(\n    2,  # pyright: ignore[reportCallIssue]\n)\n").modules[0].top
    assert is_waived(top, "call", 1) and not is_waived(top, "member", 1)
    assert is_waived(top, "call", 2, 4) and not is_waived(top, "call", 2)
