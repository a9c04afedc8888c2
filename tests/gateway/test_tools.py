"""Tools and plans over HTTP, and the same gate from an agent."""

import asyncio
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest

import netra
from netra.ids import UserId, new_uuid
from tests.fixtures.world import Person, World, open_world


async def test_a_plain_user_has_nothing_to_migrate(world: World, ann: Person) -> None:
    answer = (await ann.call("POST", "/api/tools/migrate-legacy", 200)).json()
    assert answer == {"status": "no_migration_needed", "current_plan": "free", "message": answer["message"]}


async def test_an_old_role_is_migrated_and_the_next_request_has_the_plan(world: World, ann: Person) -> None:
    await world.give(ann, role="developer")
    answer = (await ann.call("POST", "/api/tools/migrate-legacy", 200)).json()
    assert (answer["status"], answer["old_role"], answer["new_plan"], answer["feature_flags"]) == (
        "migrated",
        "developer",
        "developer",
        ["*"],
    )
    assert (await ann.get("/auth/me"))["plan"] == "developer"


async def test_a_dry_run_changes_nothing(world: World, ann: Person) -> None:
    await world.give(ann, role="admin")
    dry = (await ann.call("POST", "/api/tools/migrate-legacy", 200, params={"dry_run": "true"})).json()
    assert (dry["status"], dry["new_plan"], dry["dry_run"]) == ("migrated", "enterprise", True)
    assert (await ann.get("/auth/me"))["plan"] == "free"


async def test_fifty_calls_at_once_migrate_once_and_tell_each_socket_once(world: World, ann: Person) -> None:
    await world.give(ann, role="admin")
    async with ann.socket() as socket:
        answers = await asyncio.gather(*(ann.call("POST", "/api/tools/migrate-legacy", 200) for _ in range(50)))
        assert Counter(answer.json()["status"] for answer in answers) == {"migrated": 1, "no_migration_needed": 49}
        changed = await socket.until("plan_changed")
        assert changed["data"]["old"] == "free"
        assert changed["data"]["new"] == "enterprise"
        assert "user_admin" in changed["data"]["gained"]
        await socket.ask("ping")
        assert [frame["type"] for frame in socket.seen].count("plan_changed") == 1


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer TOKEN"}, {"Authorization": "Basic YTpi"}])
async def test_a_stranger_is_refused(world: World, headers: dict[str, str]) -> None:
    answer = await world.client(**headers).post("/api/tools/migrate-legacy")
    assert (answer.status_code, answer.json()["code"]) == (401, "unauthenticated")


async def execute(person: Person, tool: str, **arguments: Any) -> dict[str, Any]:
    body = {"tool_name": tool, "arguments": arguments}
    return dict((await person.call("POST", "/api/tools/execute", 200, json=body)).json())


async def test_a_tool_does_its_work_and_says_how_it_ended(world: World, ann: Person) -> None:
    answer = await execute(ann, "create_thread", title="Made by a tool")
    assert (answer["tool_name"], answer["status"], answer["error"]) == ("create_thread", "success", None)
    assert answer["execution_time_ms"] > 0
    assert (await ann.get(f"/api/threads/{answer['result']['thread_id']}"))["title"] == "Made by a tool"


async def test_what_a_tool_refuses_is_an_answer_and_what_is_no_call_is_a_problem(world: World, ann: Person) -> None:
    refused = await execute(ann, "get_agent_status", run_id=str(new_uuid()))
    assert (refused["status"], refused["error"]["code"], refused["result"]) == ("error", "not_found", None)
    for body, status, code, field in (
        ({"tool_name": "no_such_tool"}, 404, "unknown_tool", None),
        ({"tool_name": "create_thread", "arguments": {"titel": "x"}}, 422, "invalid_input", "arguments.titel"),
        ({"tool_name": "create_thread", "arguments": []}, 422, "invalid_input", "arguments"),
        ({"tool": "create_thread"}, 422, "invalid_input", "tool_name"),
    ):
        problem = (await ann.call("POST", "/api/tools/execute", status, json=body)).json()
        assert problem["code"] == code
        assert field is None or problem["errors"][0]["field"] == field


async def test_a_tool_that_the_plan_does_not_open_is_denied_with_the_way_to_get_it(world: World, ann: Person) -> None:
    denied = await execute(ann, "analyze_workload", dataset="usage.csv")
    assert (denied["status"], denied["error"]["code"], denied["result"]) == ("permission_denied", "permission_denied", None)
    assert denied["permission_info"] == {
        "required_permissions": ["analytics"],
        "missing_permissions": ["plan"],
        "upgrade_path": "pro",
        "rate_limit_status": [],
    }
    views = {tool["tool_name"]: tool for tool in (await ann.get("/api/tools"))["tools"]}
    assert (views["analyze_workload"]["available"], views["analyze_workload"]["upgrade_required"]) == (False, "pro")
    assert (views["user_admin"]["missing_requirements"], views["user_admin"]["upgrade_required"]) == (
        ["plan", "role:admin"],
        "enterprise",
    )
    assert (views["create_thread"]["available"], views["create_thread"]["upgrade_required"]) == (True, None)


CONTRACT = """
    basic: create_thread, get_thread_history, list_agents, get_agent_status
    analytics: analyze_workload, query_corpus, optimize_prompt
    data_management: generate_synthetic_data, corpus_manager, create_corpus, modify_corpus
    advanced_optimization: cost_analyzer, latency_analyzer, performance_predictor, multi_objective_optimization,
        kv_cache_optimization_audit
    system_management: system_configurator, log_analyzer, user_admin, feature_flag_toggle
    developer_tools: debug_panel, system_logs
"""


async def test_the_tools_of_the_contract_are_there_each_under_its_permission(world: World, ann: Person) -> None:
    wanted: dict[str, str] = {}
    for line in CONTRACT.replace(",\n", ", ").strip().splitlines():
        permission, _, names = line.partition(":")
        wanted |= {name.strip(): permission.strip() for name in names.split(",")}
    listed = (await ann.get("/api/tools"))["tools"]
    assert {tool["tool_name"]: tool["required_permissions"] for tool in listed} == {
        name: [permission] for name, permission in wanted.items()
    }
    grants = (("free", "user", 4), ("pro", "user", 11), ("enterprise", "user", 16), ("enterprise", "admin", 20))
    for plan, role, count in grants:
        await world.give(ann, plan, role, "*")
        assert (await ann.get("/api/tools"))["available_tools"] == count, (plan, role)
    await world.give(ann, "developer", "super_admin")
    assert (await ann.get("/api/tools"))["available_tools"] == 22 - 9  # without a flag, which no plan gives
    await world.give(ann, "developer", "super_admin", "*")
    assert (await ann.get("/api/tools"))["available_tools"] == 22


async def test_two_users_call_the_same_tools_at_once_over_the_same_names_and_never_meet(
    world: World, ann: Person, ben: Person
) -> None:
    marks = {ann.user_id: uuid4().hex, ben.user_id: uuid4().hex}
    schema = {"type": "object", "properties": {"n": {"type": "integer", "minimum": 0, "maximum": 9}}, "required": ["n"]}

    async def work(person: Person, nth: int) -> list[str]:
        """Everything that has a name, under names that the other uses as well; returns what came back as text."""
        mark = marks[person.user_id]
        rows = f"timestamp,model,user,input_tokens,output_tokens\n2026-01-0{nth + 1}T00:00:00,{mark},{mark},{100 + nth},1\n" * 3
        texts = []

        async def call(tool: str, **arguments: Any) -> dict[str, Any]:
            body = {"tool_name": tool, "arguments": arguments}
            answer = await person.call("POST", "/api/tools/execute", 200, json=body)
            texts.append(answer.text)
            assert answer.json()["status"] == "success", answer.text
            return dict(answer.json()["result"])

        uploaded = await person.call("POST", f"/api/datasets?name=usage-{nth}", 201, content=rows.encode())
        texts.append(uploaded.text)
        documents = [{"id": "one", "title": "A note", "text": f"The word is {mark} and nothing else."}]
        await call("create_corpus", name=f"notes {nth}", documents=documents)
        found = await call("query_corpus", query="word", corpus=f"notes {nth}")
        assert mark in str(found)
        await call("modify_corpus", corpus=f"notes {nth}", put=[{"id": "two", "text": f"Another {mark}."}])
        await call("corpus_manager", action="list")
        await call("analyze_workload", dataset=f"usage-{nth}")
        await call("cost_analyzer", dataset=f"usage-{nth}", model="openai:gpt-4o")
        made = await call("generate_synthetic_data", schema=schema, rows=20, seed=nth, name=f"rows-{mark}")
        assert (await person.call("GET", f"/api/artifacts/{made['artifact_id']}", 200)).content
        texts.append((await person.call("GET", "/api/artifacts", 200)).text)
        return texts

    for person in (ann, ben):
        await world.give(person, "enterprise", "user", "*")
    async with asyncio.timeout(100):
        results = await asyncio.gather(*(work(person, nth) for nth in range(4) for person in (ann, ben)))
    for nth, texts in enumerate(results):
        mine, theirs = (ann, ben) if nth % 2 == 0 else (ben, ann)
        together = "".join(texts)
        assert marks[mine.user_id] in together
        assert marks[theirs.user_id] not in together


async def test_two_hundred_calls_at_once_on_two_servers_are_as_many_as_are_allowed(database_url: str, tmp_path: Path) -> None:
    async with (
        open_world(database_url, tmp_path / "one", with_worker=False) as one,
        open_world(database_url, tmp_path / "other", with_worker=False) as other,
    ):
        ann = await one.sign_up("ann")
        there = other.client(Authorization=f"Bearer {ann.access_token}")
        body = {"tool_name": "list_agents", "arguments": {}}
        async with asyncio.timeout(100):
            answers = await asyncio.gather(
                *((ann.http if nth % 2 else there).post("/api/tools/execute", json=body) for nth in range(200))
            )
        assert Counter(answer.json()["status"] for answer in answers) == {"success": 100, "rate_limited": 100}
        refused = next(answer.json() for answer in answers if answer.json()["status"] == "rate_limited")
        (limit,) = refused["permission_info"]["rate_limit_status"]
        assert (limit["limit"], limit["used"]) == (100, 100)
        assert refused["permission_info"]["upgrade_path"] == "pro"
        assert 0 < refused["retry_after"] <= 86_400
        text = (await there.get("/metrics")).text + (await ann.http.get("/metrics")).text
        assert "netra_quota_refusals_total{" in text
        plan = await ann.get("/api/tools/user/plan")
        assert plan["usage_summary"] == {"list_agents": 100}


async def test_an_agent_meets_the_same_gate_with_the_same_answer(database_url: str, tmp_path: Path) -> None:
    @netra.agent("greedy")
    async def greedy(ctx: netra.Context, calls: int) -> int:
        """Call a tool again and again."""
        done = 0
        for _ in range(calls):
            await ctx.tools.call("list_agents")
            done += 1
        return done

    async with open_world(database_url, tmp_path, [greedy]) as world:
        ann = await world.sign_up("ann")
        for _ in range(60):
            await execute(ann, "list_agents")
        thread = await ann.thread()
        run = await ann.start(thread, "greedy", 60)
        assert (await ann.ended(run["run_id"]))["state"] == "failed"
        completed = [event["data"] for event in await ann.history(thread) if event["type"] == "tool_completed"]
        assert [call["ok"] for call in completed] == [True] * 40 + [False]
        over_http = await execute(ann, "list_agents")
        told = completed[-1]["error"]
        assert told["code"] == over_http["error"]["code"] == over_http["status"] == "rate_limited"
        assert told["message"] == over_http["error"]["message"]
        assert told["permission_info"] == over_http["permission_info"]
        # A run that was accepted under another plan keeps it; the very next call over HTTP does not wait for anything.
        await world.give(ann, "pro")
        assert (await execute(ann, "list_agents"))["status"] == "success"


async def test_a_run_keeps_the_plan_that_it_was_accepted_under(database_url: str, tmp_path: Path) -> None:
    @netra.agent("patient")
    async def patient(ctx: netra.Context) -> dict[str, str]:
        """Make threads before and after a pause."""
        await ctx.tools.call("list_agents")
        await ctx.ask("Go on?")
        try:
            await ctx.tools.call("list_agents")
        except netra.StepFailed as error:
            return {"plan": ctx.user.plan, "ended": error.failure.code}
        return {"plan": ctx.user.plan, "ended": "success"}

    async with open_world(database_url, tmp_path, [patient]) as world:
        ann = await world.sign_up("ann")
        thread = await ann.thread()
        run = await ann.start(thread, "patient")
        waiting = await ann.run_in(run["run_id"], "waiting")
        async with world.parts.database.system().transaction() as connection:
            await connection.execute(
                "INSERT INTO plan_version (plan, version, permissions, allowances, rate_multiplier) "
                "VALUES ('free', 2, '{}', '{}', 1)"
            )
        assert (await execute(ann, "list_agents"))["status"] == "permission_denied"
        answer = {"request_id": waiting["waits_for"], "value": True}
        await ann.call("POST", f"/api/runs/{run['run_id']}/answer", 200, json=answer)
        assert (await ann.ended(run["run_id"]))["result"] == {"plan": "free", "ended": "success"}
        started = next(event for event in await ann.history(thread) if event["type"] == "agent_started")
        assert (started["data"]["plan"], started["data"]["plan_version"]) == ("free", 1)


async def test_every_tool_is_listed_with_what_it_asks_for(world: World, ann: Person) -> None:
    await execute(ann, "list_agents")
    listed = await ann.get("/api/tools")
    views = {tool["tool_name"]: tool for tool in listed["tools"]}
    assert listed["total_tools"] == len(views)
    assert listed["available_tools"] == sum(tool["available"] for tool in views.values())
    assert listed["user_plan"] == "free"
    assert views["list_agents"]["usage_today"] == 1
    (limit,) = views["list_agents"]["rate_limits"]
    assert (limit["scope"], limit["window"], limit["limit"], limit["used"]) == ("tool", "day", 100, 1)
    assert views["create_thread"]["input_schema"]["properties"]["title"]["maxLength"] == 200
    for category in listed["categories"]:
        some = await ann.get("/api/tools", params={"category": category})
        assert {tool["category"] for tool in some["tools"]} == {category}
    assert (await ann.get("/api/tools", params={"category": "no such"}))["tools"] == []
    assert await ann.get("/api/tools/permissions/list_agents") == {
        name: value for name, value in views["list_agents"].items() if name not in ("category", "description", "input_schema")
    }
    assert (await ann.call("GET", "/api/tools/permissions/no_such", 404)).json()["code"] == "unknown_tool"


async def test_categories_are_shown_to_anybody(world: World) -> None:
    listed = (await world.client().get("/api/tools/categories")).json()
    by_name = {category["name"]: category for category in listed}
    assert by_name["conversations"]["tools"] == ["create_thread", "get_thread_history"]
    assert all(category["count"] == len(category["tools"]) > 0 and category["description"] for category in listed)


async def test_a_plan_says_what_it_holds_and_what_could_be_had_instead(world: World, ann: Person) -> None:
    plan = await ann.get("/api/tools/user/plan")
    assert (plan["current_plan"], plan["plan_version"], plan["plan_expires_at"]) == ("free", 1, None)
    assert plan["features"]["permissions"] == ["basic"]
    assert plan["features"]["threads"] == 5
    assert [(offer["plan"], offer["price_usd_per_month"]) for offer in plan["available_upgrades"]] == [
        ("pro", 29.0),
        ("enterprise", 299.0),
    ]
    await world.parts.changes.set_plan(UserId(UUID(ann.user_id)), "enterprise", until=datetime(2099, 1, 1, tzinfo=UTC))
    plan = await ann.get("/api/tools/user/plan")
    assert (plan["current_plan"], plan["available_upgrades"]) == ("enterprise", [])
    assert plan["plan_expires_at"].startswith("2099-01-01")
    assert plan["features"]["threads"] is None


async def test_a_sixth_thread_is_refused_at_every_door(world: World, ann: Person) -> None:
    for _ in range(5):
        await ann.thread()
    problem = (await ann.call("POST", "/api/threads", 403)).json()
    assert (problem["code"], problem["limit"]) == ("too_many_threads", 5)
    assert (await execute(ann, "create_thread"))["error"]["code"] == "too_many_threads"
    async with ann.socket() as socket:
        assert (await socket.ask("start_agent", agent="demo", input={}))["code"] == "too_many_threads"
    assert len((await ann.get("/api/threads"))["threads"]) == 5


@netra.agent("clerk")
async def clerk(ctx: netra.Context, input: dict[str, Any]) -> Any:
    """Call a tool with these arguments."""
    return await ctx.tools.call(input.pop("tool"), **input)


async def test_an_agent_of_an_administrator_changes_somebodys_plan_once_and_their_sockets_hear_of_it(
    database_url: str, tmp_path: Path
) -> None:
    async with open_world(database_url, tmp_path, [clerk]) as world:
        ann, ben = await world.sign_up("ann"), await world.sign_up("ben")
        await world.give(ann, "enterprise", "admin")
        wish = {"tool": "user_admin", "action": "set_plan", "email": ben.email, "plan": "pro"}
        async with ben.socket() as socket:
            thread = await ann.thread()
            run = await ann.ended((await ann.start(thread, "clerk", wish))["run_id"])
            assert (run["state"], run["result"]["account"]["plan"]) == ("completed", "pro")
            assert (await socket.until("plan_changed"))["data"]["new"] == "pro"
        done = [event for event in await ann.history(thread) if event["type"] == "tool_completed"]
        assert [event["data"]["tool"] for event in done] == ["user_admin"]
        refused = await ben.ended((await ben.start(await ben.thread(), "clerk", wish))["run_id"])
        assert refused["state"] == "failed"
        assert (await ben.get("/auth/me"))["plan"] == "pro"
