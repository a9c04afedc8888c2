from netra.guard.meaning.provenance import origin
from tests.guard.programs import analysed, function, of_class

TEXT = """
from elsewhere import there
class A:
    def m(self, given, known: "A"):
        made = A()
        return self, given, known, made, there
"""


def test_the_line_that_makes_a_name_what_it_is() -> None:
    program = analysed(TEXT).program
    scope, kind = function(program, "example.A.m"), of_class(program, "example.A")
    found = {name: origin(("name", name), kind, scope) for name in ("self", "given", "known", "made", "there", "nowhere")}
    assert {name: [(step.line, step.note) for step in steps] for name, steps in found.items()} == {
        "self": [],
        "given": [(4, "`given` is given `A` here")],
        "known": [(4, "`known` is annotated as `A` here")],
        "made": [(5, "`made` becomes `A` here")],
        "there": [(2, "`there` is imported here")],
        "nowhere": [],
    }
