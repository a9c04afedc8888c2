from netra.guard.requests.sharing import Sharing
from netra.guard.requests.starting import is_made_at_start
from tests.guard.programs import analysed

TEXT = """
from fastapi import FastAPI
from elsewhere import connect

_early = _late = None
app = FastAPI()

async def early():
    global _early
    if _early is None:
        _early = await connect()
    return _early

async def late():
    global _late
    if _late is None:
        _late = await connect()
    return _late

async def everything():
    await early()

@app.on_event("startup")
async def begin():
    await everything()

@app.get("/a")
async def a():
    return await early(), await late()
"""


def test_what_the_start_leads_to_is_made_before_anybody_is_served() -> None:
    analysis = analysed(TEXT)
    made = {write.slot.name: is_made_at_start(analysis, write) for write in analysis.once(Sharing).writes_of("_early", "_late")}
    assert made == {"_early": True, "_late": False}


def test_it_may_be_gone_where_a_request_empties_it() -> None:
    again = '\n@app.post("/again")\nasync def again():\n    global _early\n    _early = None\n'
    analysis = analysed(TEXT + again)
    writes = [write for write in analysis.once(Sharing).writes_of("_early") if write.value[0] == "await"]
    assert [is_made_at_start(analysis, write) for write in writes] == [False]
