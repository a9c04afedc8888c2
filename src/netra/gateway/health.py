"""Is this server well? For people, for orchestrators and for Prometheus. Nobody has to sign in to ask."""

from typing import Any

from fastapi import APIRouter
from fastapi.responses import JSONResponse, Response

from netra.gateway.dependencies import ThisProcess
from netra.health.metrics import CONTENT_TYPE

router = APIRouter(tags=["health"])

NOT_READY: dict[int | str, dict[str, Any]] = {503: {"description": "Something critical fails; `failed` names it."}}


@router.get("/health/live", operation_id="get_liveness")
async def get_liveness(parts: ThisProcess) -> JSONResponse:
    """Whether this process answers. Asks nothing outside of it."""
    return _answer(parts.checkup.live().as_json())


@router.get("/health/ready", operation_id="get_readiness", responses=NOT_READY)
async def get_readiness(parts: ThisProcess) -> JSONResponse:
    """Whether this server may be given work, with every check."""
    readiness = await parts.checkup.ready()
    return _answer(readiness.as_json(), readiness.http_status)


@router.get("/health", operation_id="get_health", responses=NOT_READY)
async def get_health(parts: ThisProcess) -> JSONResponse:
    """Both, with a score from 0 to 1."""
    summary = await parts.checkup.summary()
    return _answer(summary.as_json(), summary.http_status)


@router.get(
    "/metrics",
    operation_id="get_metrics",
    response_class=Response,
    responses={200: {"description": "Metrics in the text format of Prometheus.", "content": {"text/plain": {}}}},
)
async def get_metrics(parts: ThisProcess) -> Response:
    """What this process counts (docs/reference/metrics.md)."""
    return Response(await parts.meter.scrape(), media_type=CONTENT_TYPE)


def _answer(body: dict[str, Any], status: int = 200) -> JSONResponse:
    return JSONResponse(body, status, headers={"Cache-Control": "no-store"})
