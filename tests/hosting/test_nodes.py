"""What a node gave is kept so that a restart reads what it was, and a follower sees what can be shown."""

from typing import Any

import pytest
from langchain_core.messages import AIMessage
from langgraph.types import Command

from netra.hosting.frameworks import HostedAgentFailed
from netra.hosting.nodes import SHOWN, _keep, _kept


class Concealing:
    """A run that has a secret."""

    def conceals(self, text: str) -> bool:
        return "sk-secret" in text


CTX: Any = Concealing()


def test_what_is_kept_comes_back_as_it_was() -> None:
    for given in ({"messages": [AIMessage("hi", id="1")]}, Command(goto="next", update={"n": 1}), None, [1, {2: "b"}]):
        assert _kept(_keep(CTX, "gave", given)) == ("gave", given)


def test_what_can_be_shown_is_shown_unless_it_is_long() -> None:
    assert _keep(CTX, "gave", {"total": 3})["shown"] == {"total": 3}
    assert "shown" not in _keep(CTX, "gave", {"text": "x" * SHOWN})


def test_a_secret_of_the_user_is_not_kept_where_nothing_could_mask_it() -> None:
    with pytest.raises(HostedAgentFailed, match="a node gave a secret of its user"):
        _keep(CTX, "gave", {"messages": [AIMessage("My key is sk-secret.")]})
