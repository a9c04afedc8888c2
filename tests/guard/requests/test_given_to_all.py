import pytest

from netra.guard.requests.given_to_all import given_to_all, is_read
from netra.guard.requests.sharing import Sharing
from tests.guard.programs import analysed

PROGRAM = """
    from fastapi import Depends, FastAPI
    from elsewhere import ApiClient, Mailbox

    app = FastAPI()
    clients, open_boxes, queues, last = {{}}, {{}}, {{}}, {{}}

    def current_user(): ...

    def connect(url, token):
        if url not in clients:
            clients[{client}] = ApiClient(url, token)
        return clients[{client}]

    async def box_of(host, login, password):
        if host not in open_boxes:
            open_boxes[{box}] = await Mailbox.open(host, login, password)
        return open_boxes[{box}]

    async def say(user_id, event):
        last[{kind}] = event
        for queue in queues.get(user_id, ()):
            queue.put_nowait(event)

    @app.post("/mail")
    async def mail(text: str, user=Depends(current_user)):
        box = await box_of(user.host, user.login, user.password)
        await say(user.id, text)
        return await box.send(text)

    @app.get("/last/{{kind}}")
    async def replay(kind: str, user_id: str):
        return last.get(kind)
    """


@pytest.mark.parametrize(
    ("client", "box", "kind", "expected"),
    [
        ("url", "host", "event.kind", {"token", "login", "user_id"}),
        ("url, token", "host", "event.kind", {"login", "user_id"}),
        ("url", "host, login", "event.kind", {"token", "user_id"}),
        ("url", "host", "user_id, event.kind", {"token", "login"}),
    ],
)
def test_what_is_of_one_is_kept_under_a_key_without_them(client: str, box: str, kind: str, expected: set[str]) -> None:
    analysis = analysed({"example.py": PROGRAM.format(client=client, box=box, kind=kind)})
    assert {each.whose for each in given_to_all(analysis)} == expected


def test_a_place_is_read_by_who_looks_something_up_there() -> None:
    analysis = analysed({"example.py": PROGRAM.format(client="url", box="host", kind="event.kind")})
    sharing, scopes = analysis.once(Sharing), {each.name: each for each in analysis.scopes}
    assert is_read(scopes["connect"], sharing, ("example", "clients"))
    assert not is_read(scopes["connect"], sharing, ("example", "last"))
    assert is_read(scopes["replay"], sharing, ("example", "last"))
