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

def converted(cls):
    for name in dir(cls):
        setattr(cls, name, synchronous(cls, name))
    return cls

def registered(cls):
    KNOWN[cls.__name__] = cls
    return cls

@converted
class Converted(Plain): ...
@registered
class Registered(Plain): ...
"""


def test_a_metaclass_that_writes_computed_names_makes_other_methods_for_all_classes_below() -> None:
    found = program({"example.py": TEXT})
    metaclasses = Metaclasses(found)
    remade = {name: metaclasses.remake(of_class(found, f"example.{name}")) for name in ("Base", "Below", "Numbered", "Plain")}
    assert remade == {"Base": True, "Below": True, "Numbered": False, "Plain": False}


def test_a_decorator_of_the_program_may_put_other_methods_in_the_place_of_those_that_it_finds() -> None:
    found = program({"example.py": TEXT})
    metaclasses = Metaclasses(found)
    remade = {name: metaclasses.remake(of_class(found, f"example.{name}")) for name in ("Converted", "Registered")}
    assert remade == {"Converted": True, "Registered": False}
