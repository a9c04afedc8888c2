"""How far one's datasets are on their way, as a stream: rows and bytes while they come in, and what became of them.

Whoever uploads learns a dataset's id only from the answer, which comes last. So the stream is of all that one has on its way.
It reads what every process that fills a folder says there (`netra.datasets.loading`), and an import never knows who looks.
"""

from typing import Final, Literal
from uuid import UUID

from fastapi import APIRouter
from fastapi.responses import Response
from pydantic import BaseModel

from netra.datasets.loading import LoadingDataset
from netra.datasets.store import DatasetLoading
from netra.errors import NotFound, Unauthenticated
from netra.gateway.connection import Connection
from netra.gateway.datasets import PATH, DatasetView, LoadingView
from netra.gateway.dependencies import CurrentUser, OwnOnly, ThisProcess
from netra.gateway.lasting import LastingAnswer
from netra.gateway.limits import TooManyConnections
from netra.gateway.problems import problem_responses
from netra.ids import DatasetId
from netra.protocols import sse

LOOK_EVERY: Final = 0.5
"""Seconds between two looks at the folders of one user; an import says how far it is twice as often."""

router = APIRouter(prefix=PATH, tags=["datasets"], dependencies=[OwnOnly], responses=problem_responses(Unauthenticated))


class LostView(BaseModel):
    """A dataset that will not be there: its file could not be used, or its upload broke off."""

    id: UUID
    state: Literal["lost"] = "lost"


@router.get(
    "/stream",
    operation_id="stream_datasets",
    response_class=Response,
    responses={
        200: {
            "description": "`event` is `loading` while a dataset is on its way, each time that something has changed, then "
            "`ready` or `lost`; `data` is the dataset. Beside them `token_expiring`, and `closing` before the server ends "
            "the stream.",
            "content": {"text/event-stream": {"schema": {"type": "string"}}},
        },
        **problem_responses(TooManyConnections),
    },
)
async def stream_datasets(parts: ThisProcess, user: CurrentUser) -> Response:
    """Follow your datasets on their way, beginning with those that are."""
    return LoadingStream(parts, user)


class LoadingStream(LastingAnswer):
    """Follows what one user has on its way."""

    async def tell(self, connection: Connection) -> None:
        told: dict[DatasetId, LoadingDataset] = {}
        while True:
            loading = {each.id: each for each in await self.parts.datasets.loading(self.identity.user_id)}
            for dataset_id in told.keys() - loading.keys():
                outcome = await self._outcome(dataset_id)
                if outcome is not None:
                    del told[dataset_id]
                    _say(connection, outcome)
            for dataset_id, now in loading.items():
                if now != told.get(dataset_id):
                    told[dataset_id] = now
                    _say(connection, LoadingView.of(now))
            await self.parts.clock.sleep(LOOK_EVERY)

    async def _outcome(self, dataset_id: DatasetId) -> DatasetView | LostView | None:
        """What has become of a dataset that was on its way; None when it still is, under another name of its folder."""
        try:
            return DatasetView.of(await self.parts.datasets.get(self.identity.user_id, dataset_id))
        except DatasetLoading:
            return None
        except NotFound:
            return LostView(id=dataset_id)


def _say(connection: Connection, view: DatasetView | LoadingView | LostView) -> None:
    connection.put(sse.message(view.state, view.model_dump_json().encode()))
