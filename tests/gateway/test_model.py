import pytest

from netra.clock import SystemClock
from netra.gateway.model import open_model
from netra.models.calls import CallTally
from netra.models.language_model import ModelUnusable
from netra.settings import Settings


async def test_settings_without_a_model_have_none() -> None:
    assert await open_model(Settings(), None, SystemClock(), CallTally()) is None


async def test_a_model_is_what_the_settings_say() -> None:
    given = {
        "model": "openai:gpt-4o",
        "model_key": "hunter2",
        "model_user_key_name": "OWN_KEY",
        "model_timeout": 7,
        "model_repetitions": 0,
    }
    model = await open_model(Settings.model_validate(given), "http://127.0.0.1:9/v1", SystemClock(), CallTally())
    assert model is not None
    assert (model.name, model.key, model.user_key) == ("openai:gpt-4o", "hunter2", "OWN_KEY")
    assert (model.time_limit, model.repetitions) == (7, 0)


async def test_a_model_of_nobody_stops_the_start() -> None:
    with pytest.raises(ModelUnusable, match="nobody is no provider"):
        await open_model(Settings.model_validate({"model": "nobody:model"}), None, SystemClock(), CallTally())
