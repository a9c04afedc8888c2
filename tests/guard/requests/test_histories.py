import pytest

from netra.guard.requests.histories import kept_by_said_name
from tests.guard.programs import analysed

BOT = """
from fastapi import Depends, FastAPI, Request
from langchain_core.chat_history import InMemoryChatMessageHistory
from langchain_core.runnables.history import RunnableWithMessageHistory
from pydantic import BaseModel
app = FastAPI()
histories = {}
class Question(BaseModel):
    session: str
    text: str
def current_user(request: Request):
    return request.session["user"]
def history_of(session_id):
    if session_id not in histories:
        histories[session_id] = InMemoryChatMessageHistory()
    return histories[session_id]
chat = RunnableWithMessageHistory(chain, history_of)
@app.post("/ask")
async def ask(question: Question, user=Depends(current_user)):
    return await chat.ainvoke({"name": user.name}, {"configurable": {"session_id": question.session}})
"""


@pytest.mark.parametrize(
    ("of", "by", "found"),
    [
        ("", "", True),
        ('"session_id": question.session', '"session_id": f"{user.id}:{question.session}"', False),
        ("return await chat", "check(user, question.session)\n    return await chat", False),
        (", user=Depends(current_user)", "", False),
        ("histories[session_id] = In", "histories[owner(), session_id] = In", False),
        (
            'return await chat.ainvoke({"name": user.name}, {"configurable": {"session_id": question.session}})',
            'config = {"configurable": {"session_id": question.session}}\n    return chat.invoke({"name": user.name}, config)',
            True,
        ),
    ],
)
def test_a_name_that_the_client_says_is_no_wall_between_histories(of: str, by: str, found: bool) -> None:
    told = [
        (kept.scope.name, kept.name, whose)
        for kept, whose, _ in kept_by_said_name(analysed(BOT.replace(of, by) if of else BOT))
    ]
    assert told == [("history_of", "histories", "user")] * found
