from netra.guard.meaning.oneof import agreed_of_many, combined, may_have
from netra.guard.values import Instance
from tests.guard.programs import analysed

TEXT = """
    class Mixin: ...
    class Base:
        def send(self): ...
    class Client(Mixin, Base): ...
    class Other(Mixin): ...
    class Open(Unknown): ...
    """


def test_a_mixin_takes_methods_from_what_it_is_combined_with() -> None:
    program = analysed(TEXT).program
    kinds = {each.name: each for each in program.own[0].classes}
    assert [each.name for each in combined(kinds["Mixin"], "send", program)] == ["Client"]
    assert combined(kinds["Mixin"], "other", program) == []


def test_what_has_not_the_name_for_certain_is_left_out() -> None:
    program = analysed(TEXT).program
    told = {each.name: may_have(Instance(each), "send", program) for each in program.own[0].classes}
    assert told == {"Mixin": True, "Base": True, "Client": True, "Other": False, "Open": True}


def test_of_many_classes_there_is_what_is_above_all_of_them() -> None:
    lines = [f"class Tool{number}(Tool): ..." for number in range(9)]
    program = analysed("\n".join(["class Tool: ...", "class Other: ...", *lines])).program
    kinds = {each.name: each for each in program.own[0].classes}
    many = [Instance(kinds[f"Tool{number}"]) for number in range(9)]
    assert agreed_of_many([*many], program) == Instance(kinds["Tool"])
    assert agreed_of_many([*many, Instance(kinds["Other"])], program) is None
    assert agreed_of_many([*many[:1]], program) == many[0]
