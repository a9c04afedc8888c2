"""What is kept for one user under a key of all is found, whatever keeps it; where the key names the user, it is not."""

import pytest

from netra.guard.requests.keyed import Keyed, attributes_read
from tests.guard.programs import analysed, function

TEXT = """
    from pathlib import Path
    from fastapi import Depends, FastAPI

    app = FastAPI()
    answers = {{}}

    def current_user(token: str): ...

    @app.get("/answer")
    async def answer(question: str, user=Depends(current_user)):
        {lines}
    """


def _found(*lines: str) -> list[tuple[str, str]]:
    text = TEXT.format(lines="\n        ".join(lines))
    return [(kept.name, whose) for kept, whose, _ in analysed(text).once(Keyed).for_everybody()]


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (("if question not in answers:", "    answers[question] = await ask(user, question)"), ("answers", "user")),
        (("answers.setdefault(question, find(question, user.id))",), ("answers", "user.id")),
        (("hit = await redis.get(question)", "await redis.set(question, ask(user))"), ("redis", "user")),
        (("path = Path(question)", "if not path.exists():", "    path.write_text(draw(user))"), ("path", "user")),
    ],
)
def test_what_is_made_for_one_is_kept_for_all(lines: tuple[str, ...], expected: tuple[str, str]) -> None:
    assert _found(*lines) == [expected]


@pytest.mark.parametrize(
    "lines",
    [
        pytest.param(
            ("if (user, question) not in answers:", "    answers[user, question] = await ask(user, question)"), id="user in key"
        ),
        pytest.param(
            ("key = f'{user.id}-{question}'", "hit = await redis.get(key)", "await redis.set(key, ask(user))"), id="made key"
        ),
        pytest.param(("if question not in answers:", "    answers[question] = await ask(question)"), id="nobody's value"),
        pytest.param(("answers[question] = await ask(user, question)",), id="never asked"),
        pytest.param(("own = {}", "if question not in own:", "    own[question] = await ask(user)"), id="own dictionary"),
        pytest.param(("if question not in answers:", "    answers[question] = await create_room(user)"), id="begun for all"),
        pytest.param(("path = Path(question)", "path.write_text(draw(user))"), id="file not looked for"),
    ],
)
def test_what_is_told_apart_or_is_of_all_is_not(lines: tuple[str, ...]) -> None:
    assert _found(*lines) == []


@pytest.mark.parametrize(
    ("said", "expected"),
    [("f'project-{project}'", [("thread_id", "user")]), ("f'{user.id}-{project}'", []), ("'one'", [])],
)
def test_a_conversation_is_one_for_all_where_the_user_is_left_out(said: str, expected: list[tuple[str, str]]) -> None:
    text = f"""
        from fastapi import Depends, FastAPI

        app = FastAPI()

        def current_user(token: str): ...

        @app.get("/chat")
        async def chat(project: str, user=Depends(current_user)):
            return await graph.ainvoke(project, {{"configurable": {{"thread_id": {said}}}}})
        """
    assert [(kept.name, whose) for kept, whose, _ in analysed(text).once(Keyed).for_everybody()] == expected


def test_a_method_reads_the_attributes_of_its_own_object() -> None:
    text = """
        class Report:
            def made(self, other): return self.tenant, self.period, self.tenant, other.name
        """
    assert attributes_read(function(analysed(text).program, "example.Report.made")) == ["tenant", "period"]
