from netra.guard.requests.unread_proofs import unread_proofs
from tests.guard.programs import analysed

TEXT = """
from fastapi import FastAPI
app = FastAPI()
def folder(user_id, secret):
    if secret and user_id:
        return own(user_id)
def checked(user_id, secret):
    if secret and secret == secrets[user_id]:
        return own(user_id)
@app.get("/")
def files(user_id: str, secret: str):
    return folder(user_id, secret), checked(user_id, secret)
"""


def test_a_secret_of_which_only_is_asked_whether_it_is_there_proves_nothing() -> None:
    (found,) = unread_proofs(analysed(TEXT))
    assert (found.scope.name, found.proof, found.whose, found.call.line) == ("folder", "secret", "user_id", 6)
