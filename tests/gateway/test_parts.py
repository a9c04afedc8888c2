import dataclasses

import pytest

from netra.gateway.app import _limits
from netra.gateway.parts import SocketLimits
from netra.settings import Settings
from tests.fixtures.world import World


def test_the_limits_that_are_written_here_are_the_defaults_of_the_settings() -> None:
    assert _limits(Settings(environment="test")) == SocketLimits()


async def test_parts_are_put_together_once(world: World) -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        world.parts.limits = SocketLimits()  # type: ignore[misc]
