from netra.guard.meaning.rewriting import rewritten
from tests.guard.programs import program

SYNC = """
from methods import Methods, Other, Plain

def put(obj, name):
    function = getattr(obj, name)
    setattr(obj, name, lambda *given: function(*given))

def wrap(source):
    for name in dir(source):
        put(source, name)

def mark(kind):
    setattr(kind, "marked", True)

wrap(Methods)
put(Other, "send")
mark(Plain)
"""


def test_a_class_whose_methods_are_replaced_by_name_is_known_however_it_gets_there() -> None:
    methods = "class Methods:\n    async def send(self): ...\nclass Other: ...\nclass Plain: ...\n"
    found = rewritten(program({"sync.py": SYNC, "methods.py": methods}))
    assert {each.name for each in found} == {"Methods", "Other"}
