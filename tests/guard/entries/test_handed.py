from tests.guard.programs import analysed, function


def labels(files: dict[str, str] | str) -> dict[str, str]:
    entries = analysed(files).reach.entries.values()
    return {entry.function.name: f"{entry.sort}: {entry.label}" for entry in entries}


def test_functions_that_a_library_is_given_are_entry_points() -> None:
    text = """
        import asyncio
        import gradio as gr
        from apscheduler.schedulers.asyncio import AsyncIOScheduler
        from contextlib import asynccontextmanager
        from django.urls import path
        from fastapi import FastAPI
        from langgraph.graph import StateGraph
        from telegram.ext import CommandHandler

        def home(request): ...
        urlpatterns = [path("home/", home)]
        def tidy(): ...
        scheduler = AsyncIOScheduler()
        def answer(text): ...
        async def begin(update, context): ...
        async def connected(reader, writer): ...
        def plan(state): ...
        @asynccontextmanager
        async def lifespan(app):
            scheduler.add_job(tidy, "interval")
            await asyncio.start_server(connected, port=1)
            yield
        app = FastAPI(lifespan=lifespan)
        with gr.Blocks() as page:
            button = gr.Button()
            button.click(answer)
        handlers = [CommandHandler("start", begin)]
        graph = StateGraph(dict)
        graph.add_node("plan", plan)
        """
    assert labels(text) == {
        "home": "route: HTTP home/",
        "tidy": "listener: job tidy",
        "answer": "listener: gradio answer",
        "begin": "listener: telegram start",
        "connected": "socket: connection connected",
        "plan": "listener: agent node plan",
        "lifespan": "start: start",
    }


def test_the_same_calls_of_somebody_else_give_nobody_a_function() -> None:
    text = """
        from myown import button, path
        def answer(text): ...
        button.click(answer)
        path("home/", answer)
        """
    assert labels(text) == {}


def test_who_lets_a_function_run_later_leads_to_it() -> None:
    text = """
        import asyncio
        from fastapi import BackgroundTasks, FastAPI
        app = FastAPI()
        def send(): ...
        def count(): ...
        @app.post("/mails")
        async def post(tasks: BackgroundTasks):
            tasks.add_task(send)
            await asyncio.to_thread(count)
        """
    analysis = analysed(text)
    assert analysis.reach.labels(function(analysis.program, "example.send")) == ("POST /mails",)
    assert analysis.reach.labels(function(analysis.program, "example.count")) == ("POST /mails",)


def test_what_a_page_of_nicegui_calls_is_given_by_its_keyword() -> None:
    text = """
        from nicegui import ui
        async def save(): ...
        async def shown(): ...
        ui.button("Save", on_click=save)
        ui.label(shown)
        """
    assert labels(text) == {"save": "listener: page Save"}


def test_an_object_that_is_called_and_a_dependency_of_all_routes_are_entry_points() -> None:
    text = """
        from fastapi import APIRouter, Depends, FastAPI
        from slack_bolt.async_app import AsyncApp
        from starlette.middleware import Middleware
        from starlette.middleware.base import BaseHTTPMiddleware
        class Authorizer:
            async def __call__(self, team_id): ...
        def check(): ...
        def also(): ...
        def look(): ...
        async def around(request, call_next): ...
        bolt = AsyncApp(authorize=Authorizer())
        router = APIRouter(dependencies=[Depends(check)])
        stack = [Middleware(BaseHTTPMiddleware, dispatch=around)]
        """
    assert labels(text) == {
        "__call__": "listener: slack __call__",
        "check": "listener: dependency check",
        "around": "listener: every request",
    }


def test_what_the_builder_of_a_bot_is_told_runs_before_anybody_speaks_to_it() -> None:
    text = """
        from telegram.ext import Application
        async def prepare(application): ...
        async def other(application): ...
        def make(token):
            Plan().of(token).post_init(other)
            return Application.builder().token(token).rate_limiter(Limiter()).post_init(prepare).build()
        """
    assert labels(text) == {"prepare": "start: start"}


def test_what_makes_the_context_of_graphql_runs_for_every_request() -> None:
    text = """
        from strawberry.fastapi import GraphQLRouter
        async def context(request): ...
        async def other(request): ...
        router = GraphQLRouter(schema, context_getter=context)
        """
    assert labels(text) == {"context": "listener: every request"}
