"""What everything is compared with: a uvicorn WebSocket that sends frames and does nothing else."""

from typing import Any

_ID = "0" * 36
FRAME = (
    f'{{"type":"agent_thinking","thread_id":"{_ID}","run_id":"{_ID}","seq":1,"at":"2026-01-01T00:00:00.000000Z",'
    f'"agent":"burst","data":{{"text":"{"x" * 40}"}}}}'
)


async def app(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """`/N`: send N frames, each as large as an event of the benchmark, then wait for the client to go."""
    if scope["type"] == "lifespan":
        while True:
            message = await receive()
            await send({"type": f"{message['type']}.complete"})
            if message["type"] == "lifespan.shutdown":
                return
    if scope["type"] == "http":
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"{}"})
        return
    await receive()
    await send({"type": "websocket.accept"})
    for _ in range(int(scope["path"].strip("/") or 0)):
        await send({"type": "websocket.send", "text": FRAME})
    while (await receive())["type"] != "websocket.disconnect":
        pass
