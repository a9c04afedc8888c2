from netra.guard.revisions.turns import sighted, turns
from tests.guard.programs import analysed

CALLERS = "import asyncio\nfrom a import f\nasync def one():\n    await f()\nasync def two():\n    asyncio.create_task(f())\n"


def test_both_directions_are_one_finding_with_its_callers() -> None:
    work = "async def late():\n    return f().x\n"
    (became_async,) = turns(analysed({"a.py": f"async def f(): ...\n{work}"}, before={"a.py": f"def f(): ...\n{work}"}))
    assert became_async.late
    files = {"a.py": "def f():\n    return 1\n", "b.py": CALLERS}
    (became_sync,) = turns(analysed(files, before={"a.py": "async def f():\n    return 1\n", "b.py": CALLERS}))
    assert not became_sync.late
    assert [line for _, line, _ in became_sync.callers] == [4, 6]
    assert sighted(became_sync).message == "`f` is no longer async, and 2 callers did not change with it"


def test_what_still_gives_something_to_await_has_not_turned_for_its_callers() -> None:
    before = {"a.py": "async def f(client):\n    return await client.get()\n", "b.py": CALLERS}
    assert turns(analysed({"a.py": "def f(client):\n    return client.get()\n", "b.py": CALLERS}, before=before)) == ()
