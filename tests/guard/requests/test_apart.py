from netra.guard.requests.apart import tells_apart
from netra.guard.requests.origins import Origins
from tests.guard.programs import analysed, function

TEXT = """
from fastapi import Depends, FastAPI
app = FastAPI()
def get_current_user(): ...
def model_for(plan): return "large" if plan == "all" else "small"
@app.get("/a")
async def a(question: str, session_id: str, user=Depends(get_current_user)):
    whose = user.id
    plan = user.plan
    model = model_for(plan)
    both = f"{user.plan}:{user.email}"
    anybody = f"{user.plan}:{question}"
"""


def test_a_key_tells_users_apart_that_names_one_or_an_id() -> None:
    analysis = analysed(TEXT)
    scope = function(analysis.program, "example.a")
    names = ("whose", "both", "session_id", "question", "plan", "model", "anybody")
    apart = {each for each in names if tells_apart(Origins(analysis), ("name", each), scope, 99)}
    assert apart == {"whose", "both", "session_id"}
