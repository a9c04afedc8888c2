from netra.models.language_model import LanguageModel
from tests.models.talk import Scripted


def model(key: str | None) -> LanguageModel:
    return LanguageModel("openai:gpt-4o", Scripted().language_model().connect, key=key)


def test_a_users_own_key_comes_before_the_operators() -> None:
    chosen = model("operators").key_for({"MODEL_KEY": "own", "OPENAI_API_KEY": "meant for somebody else"})
    assert (chosen.value, chosen.own) == ("own", True)
    chosen = model("operators").key_for({"OPENAI_API_KEY": "meant for somebody else"})
    assert (chosen.value, chosen.own) == ("operators", False)
    assert model(None).key_for({}).value is None


def test_no_key_shows_in_a_representation() -> None:
    assert "hunter2" not in repr(
        [model("hunter2"), model("hunter2").key_for({}), model(None).key_for({"MODEL_KEY": "hunter2"})]
    )
