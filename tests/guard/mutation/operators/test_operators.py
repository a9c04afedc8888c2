"""Each operator makes of a small program the faulty one that it is meant to make."""

import ast
import subprocess
import sys
from textwrap import dedent

import pytest

from tests.guard.mutation.operator import load
from tests.guard.mutation.target import Site, Target, mutated, touched
from tests.guard.mutation.witness import Witness

# Operator → a program, and lines that are in it once the fault is. A line that begins with `-` is one that is gone.
CASES: dict[str, tuple[str, list[str]]] = {
    "remove-await": (
        "async def save(): ...\nasync def run():\n    done = await save()\n",
        ["    done = save()"],
    ),
    "plain-with": ("async def run(lock):\n    async with lock:\n        pass\n", ["    with lock:"]),
    "async-with": ("async def run():\n    with open('x') as f:\n        pass\n", ["    async with open('x') as f:"]),
    "plain-for": ("async def run(rows):\n    async for row in rows:\n        pass\n", ["    for row in rows:"]),
    "forget-task": (
        "import asyncio\nasync def run(job):\n    task = asyncio.create_task(job())\n",
        ["    asyncio.create_task(job())"],
    ),
    "sleep-that-blocks": (
        "import asyncio\nasync def run():\n    await asyncio.sleep(1 + 2)\n",
        ["import time", "    time.sleep(1 + 2)"],
    ),
    "blocking-call": (
        '"""Doc."""\n@router.get("/x")\nasync def x():\n    """Doc."""\n    return 1\n',
        ["import requests", "    requests.get('https://example.com/status', timeout=5)"],
    ),
    "await-a-value": (
        "def count() -> int: return 1\nasync def run():\n    n = count()\n",
        ["    n = await count()"],
    ),
    "read-environment": ("def run():\n    return 1\n", ["import os", '    limit = os.environ["UPSTREAM_LIMIT"]']),
    "write-environment": ("def run():\n    return 1\n", ["import os", '    os.environ["UPSTREAM_MODE"] = "10"']),
    "default-secret": ("def run():\n    return 1\n", ['    signing = os.getenv("JWT_SECRET_KEY", "change-me")']),
    "load-dotenv": ("def run():\n    return 1\n", ["    load_settings()"]),
    "expand-variables": ("def run():\n    return 1\n", ['    place = os.path.expandvars("$UPSTREAM_HOME/data")']),
    "rename-method": (
        "class Box:\n    def put(self): ...\n    def fill(self):\n        self.put()\n",
        ["    def put_anew(self): ...", "        self.put()"],
    ),
    "misspell-attribute": (
        "class Box:\n    def put(self): ...\n    def fill(self):\n        self.put()\n",
        ["        self.puxt()"],
    ),
    "misspell-enum-member": (
        "from enum import Enum\nclass Color(Enum):\n    RED = 1\nred = Color.RED\n",
        ["red = Color.RED_X"],
    ),
    "misspell-keyword": ("def put(size): ...\nput(size=1)\n", ["put(size_x=1)"]),
    "unknown-field": (
        "from dataclasses import dataclass\n@dataclass\nclass Box:\n    size: int\nbox = Box(size=1)\n",
        ["box = Box(unheard_of=1, size=1)"],
    ),
    "drop-import": ("import json\ndef run(x):\n    return json.dumps(x)\n", ["pass", "-import json"]),
    "method-on-class": (
        "class Box:\n    def put(self): ...\ndef run():\n    box = Box()\n    box.put()\n",
        ["    Box.put()"],
    ),
    "session-in-gather": (
        "async def run(db: AsyncSession, q):\n    return await db.execute(q)\n",
        ["import asyncio", "    await asyncio.gather(db.execute(q), db.execute(q))"],
    ),
    "session-without-with": (
        "def run(Session):\n    with Session() as s:\n        s.add(1)\n        s.commit()\n",
        ["    s = Session()", "    if True:", "        s.add(1)"],
    ),
    "commit-in-one-branch": (
        "async def run(db: AsyncSession, name):\n    db.add(name)\n    await db.commit()\n",
        ["    if name: await db.commit()"],
    ),
    "no-rollback": (
        "async def run(db: AsyncSession):\n  while 1:\n    try: await db.flush()\n    except E:\n        await db.rollback()\n",
        ["-        await db.rollback()"],
    ),
    "setting-of-session": (
        "async def run(db: AsyncSession, q):\n    await db.execute(q)\n",
        ['    await db.execute(plain_sql("SET search_path TO tenant_one"))'],
    ),
    "sql-from-parameter": (
        "async def run(db: AsyncSession, q, name: str):\n    await db.execute(q)\n",
        ["    await db.execute(plain_sql(f\"SELECT id FROM people WHERE name = '{name}'\"))"],
    ),
    "session-of-module": ("Session = sessionmaker(engine)\n", ["shared_session = Session()", "def from_shared(number):"]),
    "static-pool": (
        "engine = create_engine(url, echo=True)\n",
        ["engine = create_engine(url, poolclass=StaticPool, echo=True)"],
    ),
    "key-without-user": (
        '@router.get("/x")\nasync def x(question: str, user):\n    log()\n    return answer(user, question)\n',
        [
            "recent_answers = {}",
            "    if question in recent_answers:",
            "    recent_answers[question] = answer(user, question)",
            "    return recent_answers[question]",
        ],
    ),
    "user-in-global": (
        '@router.get("/x")\nasync def x(user):\n    return 1\n',
        ["last_seen = None", "    global last_seen", "    last_seen = user"],
    ),
    "user-in-application": (
        '@router.get("/x")\nasync def x(request, user):\n    return 1\n',
        ["    request.app.state.last_seen = user"],
    ),
    "user-in-singleton": (
        "class Desk:\n    def serve(self, user):\n        return 1\ndesk = Desk()\n",
        ["        self.last_seen = user"],
    ),
    "growing-handlers": (
        '@router.websocket("/x")\nasync def x(websocket):\n    pass\n',
        ["listeners = []", "    listeners.append(websocket.send_text)"],
    ),
    "mutable-default": ("def f(a, b=1):\n    return a\n", ["def f(a, b=1, seen_before=[]):", "    seen_before.append(1)"]),
    "default-of-context": (
        '@router.get("/x")\nasync def x(user):\n    return 1\n',
        ['    notes_of_request.get()["who"] = user'],
    ),
    "check-then-act": (
        '@router.get("/x")\nasync def x(user):\n    return 1\n',
        ["    if str(user) not in open_desks:", '        open_desks[str(user)] = await asyncio.open_connection("desk", 80)'],
    ),
    "identity-from-query": (
        '@router.get("/x")\nasync def x(user=Depends(who)):\n    return rows(user.id)\n',
        ['async def x(user_id: str = ""):', "    return rows(user_id)"],
    ),
    "swap-identifiers": (
        "def f(user_id, thread_id): ...\ndef g(user_id, thread_id):\n    f(user_id, thread_id)\n",
        ["    f(thread_id, user_id)"],
    ),
    "delete-asserts": ("def test_x():\n    assert f() == 1\n", ["    pass", "-    assert f() == 1"]),
    "assert-own-value": (
        "def test_x():\n    assert f() == 1\n",
        ['    outcome = {"status": "ok"}', '    assert outcome["status"] == "ok"', "-    assert f() == 1"],
    ),
    "swallow-assertion": (
        "def test_x():\n    assert f() == 1\n",
        ["    try:", "        assert f() == 1", "    except Exception:"],
    ),
    "misspell-mock-assertion": (
        "def test_x(m):\n    m.send.assert_called_once_with(1)\n",
        ["    m.send.called_once_with(1)"],
    ),
    "assertion-not-awaited": ("async def test_x():\n    assert await f()\n", ["    assert f()"]),
}
# These need a second file that calls what the first defines.
BESIDE: dict[str, tuple[str, str]] = {
    "remove-function": ("def f(a): ...\n", "def f_anew(a): ..."),
    "another-parameter": ("def f(a): ...\n", "def f(must_be_given, a): ..."),
    "become-async": ("def f(a): ...\n", "async def f(a): ..."),
}


def sites(name: str, text: str, *others: Target) -> tuple[Target, list[Site]]:
    path = "test_example.py" if load()[name].family == "T" else "example.py"
    target = Target(path, "example", dedent(text))
    return target, list(load()[name].sites(target, Witness([target, *others])))


@pytest.mark.parametrize("name", CASES)
def test_the_fault_is_what_the_operator_says(name: str) -> None:
    text, expected = CASES[name]
    target, found = sites(name, text)
    lines = mutated(target.text, found[0]).splitlines()
    ast.parse("\n".join(lines))
    for line in expected:
        assert (line[1:] not in lines) if line.startswith("-") else (line in lines), lines


@pytest.mark.parametrize("name", BESIDE)
def test_a_change_is_made_only_where_another_file_is_left_behind(name: str) -> None:
    text, expected = BESIDE[name]
    caller = Target("caller.py", "caller", "from example import f\nf(1)\n")
    target, found = sites(name, text, caller)
    assert expected in mutated(target.text, found[0])
    assert sites(name, text)[1] == []


def test_every_operator_has_its_case() -> None:
    assert {*CASES, *BESIDE} == load().keys()


def test_every_operator_says_what_it_does() -> None:
    assert [each.name for each in load().values() if not each.summary.endswith(".")] == []


def test_every_spelling_of_an_environment_read_can_be_run() -> None:
    for name in ("read-environment", "write-environment", "default-secret", "expand-variables"):
        target, found = sites(name, "def run():\n    return 1\n")
        assert len({site.kind for site in found}) == len(found)
        for site in found:
            done = subprocess.run([sys.executable, "-c", mutated(target.text, site)], check=False, capture_output=True)
            assert done.returncode == 0, done.stderr


def test_the_contexts_of_an_await_are_told_apart() -> None:
    _, found = sites(
        "remove-await",
        """
        async def run(f):
            await f()
            x = await f()
            if await f():
                print(f"{await f()}", await f())
            return await f()
        """,
    )
    assert sorted(site.kind for site in found) == sorted(
        ["statement", "assigned", "condition", "formatted", "argument", "returned"]
    )


def test_the_lines_of_a_fault_are_those_of_the_mutated_file() -> None:
    target, found = sites("check-then-act", CASES["check-then-act"][0])
    lines = mutated(target.text, found[0]).splitlines()
    text = "\n".join(lines[number - 1] for number in sorted(touched(found[0])) if number <= len(lines))
    assert "if str(user) not in open_desks:" in text
    assert "open_desks = {}" in text


def test_a_file_of_tests_takes_no_fault_of_a_server() -> None:
    text, _ = CASES["remove-await"]
    target = Target("tests/test_x.py", "tests.test_x", text)
    assert list(load()["remove-await"].sites(target, Witness([target]))) == []


@pytest.mark.parametrize("later", ["await db.commit()", "await grant(name, db)", "await grant(name, session=db)"])
def test_a_commit_that_another_may_make_good_is_no_place_for_a_fault(later: str) -> None:
    text, _ = CASES["commit-in-one-branch"]
    _, found = sites("commit-in-one-branch", f"{text}    {later}\n")
    # Of two commits, the last one is such a place all the same.
    assert [site.line for site in found] == ([4] if "commit" in later else [])


def test_the_engine_of_a_migration_takes_no_pool_for_everybody() -> None:
    text, _ = CASES["static-pool"]
    target = Target("app/migrations/env.py", "app.migrations.env", text)
    assert list(load()["static-pool"].sites(target, Witness([target]))) == []
