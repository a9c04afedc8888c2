from netra.guard.requests.origins import Origins
from netra.guard.requests.sharing import Sharing
from netra.guard.requests.whose import parts_of_key, said
from tests.guard.programs import analysed

TEXT = """
from fastapi import FastAPI
app = FastAPI()
rows, clients, own, plain = {}, {}, {}, {}
@app.get("/a")
async def a(order, model, user, api_key):
    found = await rows_of(user.id, order)
    rows[order] = [Row(each) for each in found]
    clients[model] = Client(model, api_key=api_key)
    own[user.id] = await rows_of(user.id, order)
    plain[order] = await rows_of(order)
"""


def test_the_calls_that_make_a_value_say_whose_it_is_beside_the_key() -> None:
    analysis = analysed(TEXT)
    origins = Origins(analysis)
    found = {write.slot.name: said(write, origins) for write in Sharing(analysis).writes}
    assert {name: None if each is None else each[0] for name, each in found.items()} == {
        "rows": "user",
        "clients": "api_key",
        "own": None,
        "plain": None,
    }


def test_one_who_asks_for_ids_is_told_of_no_key_to_sign_in_with() -> None:
    analysis = analysed(TEXT)
    origins = Origins(analysis)
    by_id = {write.slot.name for write in Sharing(analysis).writes if said(write, origins, by_id=True) is not None}
    assert by_id == {"rows"}


def test_what_stands_in_the_key_is_nobodys() -> None:
    text = "def f(token):\n    name = f'{one(token)}'\n    key = f'{name}|{two}'\n    kept[key] = Made(name)\n"
    scope = next(each for each in analysed(text).scopes if each.name == "f")
    assert parts_of_key(("name", "key"), scope, 4) == {("name", "key"), ("name", "name"), ("name", "two")}
