from netra.guard.configuration import GuardConfiguration
from netra.guard.faults import CERTAIN, LIKELY
from tests.guard.programs import faults
from tests.guard.test_environment import APP


def test_a_named_owner_makes_it_certain_and_a_recognised_one_likely() -> None:
    (recognised,) = faults(APP | {"app/more.py": "import dotenv\ndotenv.load_dotenv()\n"}, "E104")
    (named,) = faults(APP, "E101", configuration=GuardConfiguration(owner=("app.settings",), accessor="app.settings.get"))
    assert (recognised.confidence, named.confidence) == (LIKELY, CERTAIN)
    assert named.mend is not None and named.mend.words == "ask `app.settings.get`"
    assert recognised.why[0].path == "app/settings.py"


def test_who_reads_what_was_written_is_said_of_whoever_is_served_only_where_somebody_is() -> None:
    text = """
    import os

    from fastapi import FastAPI

    app = FastAPI()


    @app.on_event("startup")
    async def start():
        print(os.environ["SHOP_KEY"])


    @app.get("/key")
    async def key():
        return os.environ["SHOP_KEY"]


    @app.post("/key")
    async def change(body: dict):
        os.environ["SHOP_KEY"] = body["key"]
    """
    (found,) = faults(text, "E102")
    notes = [(step.line, step.note) for step in found.why if "read here" in step.note]
    assert notes == [(16, "read here, for whoever is served then"), (11, "read here")]
