from netra.guard.members.completion import Completion
from tests.guard.programs import analysed, of_class

TEXT = """
import abc

class Plain:
    def __init__(self): self.d = 2

class Waiting(abc.ABC): ...

class Left:
    def run(self): raise NotImplementedError

class OrderMixin: ...
"""


def test_a_class_that_leaves_something_to_others_is_known_by_its_name_or_its_methods() -> None:
    analysis = analysed(TEXT)
    completion = analysis.once(Completion)
    parts = ["Waiting", "Left", "OrderMixin"]
    assert all(completion.is_part_of_others(of_class(analysis.program, f"example.{name}")) for name in parts)
    assert not completion.is_part_of_others(of_class(analysis.program, "example.Plain"))


def test_a_class_that_nothing_makes_is_part_of_others() -> None:
    analysis = analysed("class Made:\n    def f(self): ...\n\nclass Given:\n    def f(self): ...\n\nMade()\n")
    kinds = [of_class(analysis.program, f"example.{name}") for name in ("Made", "Given")]
    assert [analysis.once(Completion).is_part_of_others(kind) for kind in kinds] == [False, True]


def test_a_mixin_that_hands_on_takes_what_another_class_has() -> None:
    text = """
    class Timed:
        def __init__(self, **options):
            super().__init__(**options)

    class Alone:
        def __init__(self, **options): ...

    class Job:
        def __init__(self): self.name = "nightly"
    """
    analysis = analysed(text)
    completion = analysis.once(Completion)
    timed, alone = (of_class(analysis.program, f"example.{name}") for name in ("Timed", "Alone"))
    assert completion.is_completed_elsewhere(timed, "name")
    assert not completion.is_completed_elsewhere(timed, "title")
    assert not completion.is_completed_elsewhere(alone, "name")


def test_a_class_that_writes_what_its_bases_leave_open_is_whole() -> None:
    text = """
    import abc

    class Open(abc.ABC):
        @abc.abstractmethod
        def run(self): ...

    class Whole(Open):
        def __init__(self): self.speed = 2
        def run(self): ...

    class WithoutConstructor(Open):
        def run(self): ...

    class Alone:
        def __init__(self): self.speed = 2
    """
    analysis = analysed(text)
    kinds = [of_class(analysis.program, f"example.{name}") for name in ("Whole", "WithoutConstructor", "Alone")]
    assert [analysis.once(Completion).is_whole(kind) for kind in kinds] == [True, False, False]
