from netra.guard.meaning.metaclasses import Metaclasses
from tests.guard.programs import of_class, program

TEXT = """
class Wrapping(type):
    def __new__(mcs, name, bases, members):
        for key in list(members):
            members[key] = wrapped(members[key])
        return super().__new__(mcs, name, bases, members)

class Numbering(type):
    def __new__(mcs, name, bases, members):
        members["number"] = 1
        return super().__new__(mcs, name, bases, members)

class Base(metaclass=Wrapping): ...
class Below(Base): ...
class Numbered(metaclass=Numbering): ...
class Plain: ...
"""


def test_a_metaclass_that_writes_computed_names_makes_other_methods_for_all_classes_below() -> None:
    found = program({"example.py": TEXT})
    metaclasses = Metaclasses(found)
    remade = {name: metaclasses.remake(of_class(found, f"example.{name}")) for name in ("Base", "Below", "Numbered", "Plain")}
    assert remade == {"Base": True, "Below": True, "Numbered": False, "Plain": False}
