from netra.guard.meaning.replacing import hands_in_another, is_replaced
from tests.guard.programs import analysed

PROGRAM = """
def remote(kind):
    class Remote(kind): ...
    return Remote

def placed(device):
    def wrap(kind):
        class Placed(kind): ...
        return Placed
    return wrap

def registered(kind):
    KINDS.append(kind)
    return kind

KINDS = []

@remote
class First: ...

@placed("gpu")
class Second: ...

@registered
class Third: ...

@elsewhere
class Fourth: ...

class Fifth: ...
"""


def test_a_class_is_replaced_where_a_decorator_gives_one_of_its_own() -> None:
    program = analysed(PROGRAM).program
    replaced = [each.name for module in program.own for each in module.classes if is_replaced(each, program)]
    assert replaced == ["First", "Second"]


METHODS = """
def fixed(function):
    @staticmethod
    def wrapper(*args):
        return database.queue(function, *args)
    return wrapper

def inner(name):
    def wrap(function):
        def wrapper(this, *args):
            return function(this.inner, *args)
        return wrapper
    return wrap

def logged(function):
    def wrapper(self, *args):
        return function(self, *args)
    return wrapper
"""


def test_another_object_is_handed_in_by_a_static_wrapper_and_by_one_that_passes_an_attribute() -> None:
    module = next(iter(analysed(METHODS).program.own))
    by_name = {each.name: each for each in module.functions if each.parent is not None and each.parent.facts.sort == "top"}
    handing = [name for name, each in by_name.items() if hands_in_another(each, called=name == "inner")]
    assert handing == ["fixed", "inner"]
