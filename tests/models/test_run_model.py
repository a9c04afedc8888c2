import pytest

from netra.models.calls import CallStatus
from netra.models.run_model import Prose, Reading, RunModel, corrections, silence


async def test_without_a_model_everything_is_said_as_it_would_be_without() -> None:
    said: list[str] = []

    async def say(text: str, message_id: str | None = None) -> None:
        assert message_id is None
        said.append(text)

    model = RunModel(say, None)
    assert not model.present
    assert await model.read("understand", "text", int, "task") == Reading(None)
    assert await model.write("tell", {}, "what is known", "task") == Prose("what is known", by_model=False)
    assert await model.work("look", "question", [], "what is there", "task") == Prose("what is there", by_model=False)
    assert said == ["what is known", "what is there"]


@pytest.mark.parametrize("why", [each for each in CallStatus if each is not CallStatus.OK])
def test_each_silence_has_a_name_and_a_sentence(why: CallStatus) -> None:
    note = silence(why)
    assert note.code == f"model_{why.value}"
    assert note.text.endswith("so this was written without it.")


def test_what_was_corrected_is_counted() -> None:
    assert [note.code for note in corrections(0, 0)] == []
    assert [(note.code, note.text[:12]) for note in corrections(1, 2)] == [
        ("figures_rewritten", "One sentence"),
        ("figures_removed", "Several sent"),
    ]
