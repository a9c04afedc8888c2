"""The language model that the settings name, ready to be asked; None when they name none."""

import asyncio
from typing import TYPE_CHECKING

from netra.clock import Clock
from netra.models.calls import CallTally
from netra.models.language_model import LanguageModel
from netra.settings import Settings

if TYPE_CHECKING:
    from netra.models.language_model import Connect


async def open_model(settings: Settings, url: str | None, clock: Clock, tally: CallTally) -> LanguageModel | None:
    """The model of `settings`, at `url` if it is given; `tally` counts what it is asked.

    Raises `ModelUnusable` when this installation cannot reach it.
    """
    if settings.model is None:
        return None
    # In a thread: what speaks with models takes seconds to import, and a server without one never does.
    connect = await asyncio.to_thread(_connector, settings.model, url)
    key = settings.model_key
    return LanguageModel(
        settings.model,
        connect,
        key=key.get_secret_value() if key is not None else None,
        user_key=settings.model_user_key_name,
        time_limit=settings.model_timeout,
        repetitions=settings.model_repetitions,
        says_its_end=url is not None or settings.model.startswith("openai:"),
        tally=tally,
        clock=clock,
    )


def _connector(name: str, url: str | None) -> "Connect":
    from netra.models import conversation  # noqa: F401 - whoever asks first must not wait for it
    from netra.models.connection import connector

    return connector(name, url)
