from netra.guard.members.parents import PROTOCOLS, Parents, given_by
from tests.guard.programs import analysed, of_class


def test_bases_outside_the_program_have_their_names_in_full() -> None:
    analysis = analysed("import abc\n\nclass Plain: ...\n\nclass Waiting(abc.ABC): ...\n")
    parents = analysis.once(Parents)
    assert parents.outside(of_class(analysis.program, "example.Waiting")) == ["abc.ABC"]
    assert parents.above(of_class(analysis.program, "example.Waiting"), frozenset({"abc.ABC"}))
    assert not parents.above(of_class(analysis.program, "example.Plain"), frozenset({"abc.ABC"}))


def test_a_base_is_above_all_that_is_below_it() -> None:
    analysis = analysed("from typing import Protocol\n\nclass Sender(Protocol): ...\n\nclass Mailer(Sender): ...\n")
    assert analysis.once(Parents).above(of_class(analysis.program, "example.Mailer"), PROTOCOLS)


def test_what_a_base_gives_is_known_of_some() -> None:
    assert "args" in (given_by("builtins.ValueError") or ())
    assert "value" in (given_by("enum.Enum") or ())
    assert [given_by(name) for name in ("elsewhere.Base", "builtins.type", "builtins.print", "")] == [None] * 4
