"""`netra.guard.members.abstract`: the methods that a class leaves abstract."""

from netra.guard.members.abstract import AbstractClasses
from tests.guard.programs import analysed


def left(text: str) -> dict[str, list[str]]:
    analysis = analysed(text)
    classes = analysis.once(AbstractClasses)
    return {
        kind.name: [each.facts.qualified for each in classes.left_by(kind)]
        for module in analysis.modules
        for kind in module.classes
    }


def test_what_stands_first_in_the_order_of_classes_counts() -> None:
    found = left(
        """
        from abc import ABC, abstractmethod

        class Store(ABC):
            @abstractmethod
            def get(self): ...
            @abstractmethod
            def put(self): ...

        class Mixin:
            def put(self): ...

        class First(Mixin, Store):
            get = None

        class Last(Store, Mixin): ...

        class Again(First):
            @abstractmethod
            def get(self): ...
        """
    )
    assert found == {
        "Store": ["Store.get", "Store.put"],
        "Mixin": [],
        "First": [],
        "Last": ["Store.get", "Store.put"],
        "Again": ["Again.get"],
    }


def test_a_class_that_is_not_known_as_a_whole_leaves_nothing() -> None:
    found = left(
        """
        from abc import ABC, abstractmethod
        from elsewhere import Base, Meta

        class One(Base, ABC):
            @abstractmethod
            def get(self): ...

        class Two(metaclass=Meta):
            @abstractmethod
            def get(self): ...

        class Three:
            @abstractmethod
            def get(self): ...
        """
    )
    assert found == {"One": [], "Two": [], "Three": []}
