from netra.guard.meaning.replacing import is_replaced
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
