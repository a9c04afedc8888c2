"""Faults of clients that do not keep to the protocol: broken frames, endless ones, handshakes that never end."""

import asyncio
import json
from collections.abc import Sequence
from typing import Final

from netra.prove.answers import Lost
from netra.prove.faults import Bites, World, fault
from netra.prove.targets import Ability
from netra.prove.wire import BINARY, TEXT, frame
from netra.prove.workload import User

POLICY: Final = 1008
TOO_BIG: Final = 1009
PROTOCOL: Final = (1002, 1006, 1007)
LIMIT: Final = 65_536
"""Bytes of a frame (specification, section 4)."""

BROKEN: Final[Sequence[tuple[str, bytes, tuple[int, ...]]]] = (
    ("a frame without a mask", frame(b"{}", masked=False), PROTOCOL),
    ("an unknown opcode", frame(b"{}", 3), PROTOCOL),
    ("reserved bits", bytes([0xF1, 0x80, 0, 0, 0, 0]), PROTOCOL),
    ("text that is no UTF-8", frame(b"\xff\xfe"), PROTOCOL),
    ("a ping in pieces", frame(b"x", 9, final=False), PROTOCOL),
    ("a ping of 126 bytes", frame(b"x" * 126, 9), PROTOCOL),
    ("a piece of nothing", frame(b"x", 0), PROTOCOL),
    ("a close of one byte", frame(b"x", 8), PROTOCOL),
    ("a close with a code of nobody", frame((999).to_bytes(2, "big"), 8), PROTOCOL),
    ("a frame of 64 KiB and one byte", frame(b"x" * (LIMIT + 1)), (TOO_BIG,)),
    ("a frame that says it has 1 GiB", frame(b"x" * 100, length=1 << 30), (TOO_BIG,)),
    ("a hundred thousand pieces", frame(b"{", final=False) + frame(b"x", 0, final=False) * 100_000, (TOO_BIG, POLICY)),
    ("five frames that are no JSON", frame(b"no json") * 5, (POLICY,)),
    ("five frames of numbers", frame(b"1") * 5, (POLICY,)),
    ("five frames without a type", frame(b"{}") * 5, (POLICY,)),
    ("five frames of an unknown type", frame(json.dumps({"type": "dance"}).encode()) * 5, (POLICY,)),
    ("five frames of bytes", frame(b"{}", BINARY) * 5, (POLICY, 1003)),
    ("JSON that is a thousand deep", frame(b"[" * 20_000) * 5, (POLICY,)),
)


@fault("F23", "F24", needs=(Ability.SOCKETS, Ability.ISOLATION))
async def broken_frames(world: World, tally: Bites) -> None:
    """About twenty kinds of wrong frames, each answered with the code that is written down for it."""
    user = world.source.choice(list(world.users))
    for what, data, expected in BROKEN:
        await _send(world, tally, user, what, data, expected)


async def _send(world: World, tally: Bites, user: User, what: str, data: bytes, expected: Sequence[int]) -> None:
    operation = world.history.invoke("probe", user.number, what=what, expected=[*expected])
    try:
        wire = await user.person.handshake({"Origin": user.person.url})
    except Lost as error:
        world.history.see("unknown", "probe", user.number, operation, why=str(error))
        return
    if wire.status != 101:
        world.history.see("unknown", "probe", user.number, operation, why=f"no socket: {wire.status}")
        return
    wire.send(data)
    code = await wire.closed(10)
    wire.end()
    world.history.see("ok", "probe", user.number, operation, status=code)
    tally.bite()


@fault("F18", alone=True, needs=(Ability.SOCKETS,))
async def nobody_reads(world: World, tally: Bites) -> None:
    """Thirty sockets follow a thread that talks, and never read a byte."""
    users = world.source.sample(list(world.users), min(3, len(world.users)))
    wires = []
    for user in users:
        for _ in range(10):
            try:
                wire = await user.person.handshake({"Origin": user.person.url})
            except Lost:
                continue
            for thread in user.threads:
                wire.send(frame(json.dumps({"type": "subscribe", "thread_id": thread, "after": 0}).encode(), TEXT))
            wires.append(wire)
            tally.bite(user.number)
    await asyncio.sleep(5)
    for wire in wires:
        wire.end()
