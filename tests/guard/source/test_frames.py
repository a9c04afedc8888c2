"""What is kept of a scope that has been read."""

from tests.guard.programs import understood


def test_uses_are_kept_of_parameters_of_what_is_assigned_and_of_self() -> None:
    (_, _, function) = understood(
        "class A:\n    def f(self, a):\n        b = c(a)\n        d = 1\n        e(b, d, self.g)\n"
    ).functions
    assert [each.name for each in function.uses] == ["a", "b", "self", "self.g"]


def test_every_name_that_is_read_is_kept_once_in_order() -> None:
    (top,) = understood("b(a)\na.c = b\nself.d\n").functions
    assert top.loads == ("a", "b", "self")
