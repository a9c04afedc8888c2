"""What is worked out when it is first asked for."""

from dataclasses import dataclass, field

from netra.guard.lazily import lazily


@dataclass(eq=False)
class Counted:
    asked: list[str] = field(default_factory=list)

    @lazily
    def double(self) -> int:
        """Worked out with a note of it."""
        self.asked.append("double")
        return 2


def test_is_worked_out_once_for_each_object() -> None:
    first, second = Counted(), Counted()
    assert (first.double, first.double, second.double) == (2, 2, 2)
    assert (first.asked, second.asked) == (["double"], ["double"])


def test_nothing_is_worked_out_before_it_is_asked_for() -> None:
    assert Counted().asked == []


def test_the_class_shows_what_the_attribute_is() -> None:
    assert Counted.double.__doc__ == "Worked out with a note of it."
