from netra.guard.requests.loading import Loading
from tests.guard.programs import analysed

ROUTES = """
from fastapi import FastAPI
from example.clients import Client
app = FastAPI()
@app.get("/a")
async def a(): ...
"""
CLIENTS = """
import asyncio
from example.below import low
class Client:
    async def fetch(self): return await self.once()
    async def once(self): ...
    async def in_a_thread(self): ...
    def threaded(self): asyncio.run(self.in_a_thread())
    @unknown
    async def decorated(self): ...
    def plain(self): ...
async def script(): ...
if __name__ == "__main__":
    asyncio.run(script())
"""


def loaded() -> set[str]:
    modules = {
        "example/routes.py": ROUTES,
        "example/clients.py": CLIENTS,
        "example/below.py": "async def low(): ...\n",
        "example/apart.py": "from example.below import low\nasync def alone(): ...\n",
    }
    analysis = analysed(modules)
    loading = Loading(analysis)
    return {each.facts.qualified for each in analysis.scopes if loading.by(each) is not None}


def test_what_nothing_is_seen_to_enter_is_loaded_where_routes_import_its_module() -> None:
    assert loaded() == {"Client.fetch", "Client.once", "low"}
