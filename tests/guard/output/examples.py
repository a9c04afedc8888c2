"""One run with two findings, one of them with a chain and a route."""

from netra.guard import rules
from netra.guard.output.report import Findings
from tests.guard.programs import faults

TEXT = """from fastapi import FastAPI
app = FastAPI()

async def save(): ...

@app.get("/a: b, c%")
async def work(é):
    save()
    if é and save("é"):
        return 1
"""


def findings() -> Findings:

    found = tuple(faults({"app.py": TEXT}, "A101", "A104"))
    return Findings(found, {"app.py": TEXT.splitlines()}, rules.load(), 1, 10, 0.5)
