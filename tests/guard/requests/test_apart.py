import pytest

from netra.guard.requests.apart import is_new_each_time, names_only_tenant, tells_apart
from netra.guard.requests.origins import Origins
from tests.guard.programs import analysed, function, program

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


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        ('f"reports:{self.org_id}:{period}"', True),
        ("(principal.tenant_id, period)", True),
        ('f"reports:{self.org_id}:{user_id}"', False),
        ('f"reports:{period}"', False),
    ],
)
def test_a_key_may_name_the_organisation_alone(key: str, expected: bool) -> None:
    scope = function(
        program({"example.py": f"def work(self, principal, user_id, period):\n    kept[{key}] = 1\n"}), "example.work"
    )
    assert names_only_tenant(scope.facts.assignments[0].target[2], scope) is expected


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        ("f'{kind}-{uuid4()}'", True),
        ("(kind, id(task))", True),
        ("f'{kind}-{next(numbers)}'", True),
        ("next(iter(kind))", False),
        ("number", True),
        ("f'{kind}-{time.time() // 60}'", False),
        ("kind", False),
    ],
)
def test_a_key_may_be_another_one_each_time(key: str, expected: bool) -> None:
    text = f"def make(kind, task):\n    number = f'{{kind}}_{{uuid.uuid1()}}'\n    return {key}\n"
    scope = function(program({"example.py": text}), "example.make")
    assert is_new_each_time(scope.facts.returned[0].value, scope) is expected
