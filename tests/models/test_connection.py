import pytest

from netra.models.connection import connector
from netra.models.language_model import ModelUnusable
from tests.fixtures.model_server import model_server


async def test_a_model_behind_a_url_is_asked_there_with_the_key_of_the_block() -> None:
    from pydantic_ai.direct import model_request
    from pydantic_ai.messages import ModelRequest

    async with model_server("Yes.") as server:
        connect = connector("local:llama", server.url)
        for key in ("one-key", "another-key", None):
            async with connect(key) as model:
                answer = await model_request(model, [ModelRequest.user_text_prompt("Well?")])
            assert answer.text == "Yes."
    assert [request.headers["authorization"] for request in server.seen] == [
        "Bearer one-key",
        "Bearer another-key",
        "Bearer none",
    ]
    assert {request.body["model"] for request in server.seen} == {"llama"}


def test_a_provider_that_nobody_knows_is_refused_with_what_to_do() -> None:
    with pytest.raises(ModelUnusable, match="NETRA_MODEL_URL"):
        connector("nobody:model", None)
