from netra.guard.meaning.questions import Questions
from tests.guard.programs import analysed, function


def test_receivers_answer_all_that_their_parts_ask() -> None:
    analysis = analysed("class Thing: ...\nmade = Thing()\ndef f(): return made\n")
    asking: Questions = analysis.receivers
    questions = {*Questions.__annotations__, *(name for name in vars(Questions) if not name.startswith("_"))}
    assert [name for name in sorted(questions) if not hasattr(asking, name)] == []
    scope = function(analysis.program, "example.f")
    assert asking.named(analysis.program.lookup("made", scope)) == asking.value(("name", "made"), scope) is not None
