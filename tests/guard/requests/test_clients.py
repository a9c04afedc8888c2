"""`netra.guard.requests.clients`: which requests of a program go to the program itself."""

from netra.guard.requests.clients import Correspondence
from tests.guard.programs import analysed

SERVER = """
from fastapi import FastAPI
app = FastAPI()
@app.get("/users")
def users(): ...
@app.get("/users/{user_id}")
def user(user_id): ...
@app.delete("/users/{user_id}")
def remove(user_id): ...
"""

FITTING = ['http.get("/users")', 'http.get(f"/users/{one}")', 'http.delete(f"/users/{one}")']


def answers(*sent: str) -> dict[str, bool]:
    body = "".join(f"    {each}\n" for each in sent)
    analysis = analysed({"server.py": SERVER, "client.py": f"def work(http, base, one, url):\n{body}"})
    return {str(each.request): bool(each.served) for each in Correspondence(analysis).answered}


def test_a_file_is_a_client_when_its_requests_fit() -> None:
    assert answers(*FITTING) == {"GET /users": True, "GET /users/{}": True, "DELETE /users/{}": True}


def test_a_file_with_few_requests_is_a_client_where_two_fit_and_it_names_nobody_elses_server() -> None:
    assert answers(*FITTING[:2]) == {"GET /users": True, "GET /users/{}": True}
    assert answers(*FITTING[:1]) == {}
    assert answers(*FITTING[:2], 'host = "https://shop.example.net"', 'other = "https://api.weather.com/v1"') == {}
    assert answers(FITTING[0], 'http.patch(f"/users/{one}")') == {}


def test_a_file_most_of_whose_requests_do_not_fit_is_no_client() -> None:
    assert answers(*FITTING, *(f'http.get("/other/{number}/x")' for number in range(3))) == {}


def test_the_base_address_may_be_written_before_the_path() -> None:
    sent = ['http.get("http://localhost:8000/users")', 'http.get(f"{base}/users/{one}")', 'http.delete(base + "/users/" + one)']
    assert answers(*sent) == {"GET /users": True, "GET /users/{}": True, "DELETE /users/{}": True}


def test_requests_to_somebody_else_are_left_out() -> None:
    assert answers(*FITTING, 'http.get("https://example.org/nothing")', "http.get(url)", 'http.get("users")') == answers(
        *FITTING
    )


def test_the_verb_may_be_an_argument() -> None:
    sent = [
        'self._request("GET", "/users")',
        'http.stream("GET", url="/users/1")',
        'http.request(url="/users/1", method="DELETE")',
    ]
    assert set(answers(*sent).values()) == {True}
    assert len(answers(*sent)) == 3


def test_a_query_is_no_part_of_the_path_and_what_runs_on_is_not_judged() -> None:
    found = answers(*FITTING, 'http.get("/users?active=1#top")', 'http.get(f"/users{one}")')
    assert found == answers(*FITTING)


def test_a_request_under_another_verb_is_not_served_and_names_those_that_are() -> None:
    analysis = analysed(
        {"server.py": SERVER, "client.py": f"def work(http, one):\n    {';'.join(FITTING)};http.put('/users/1')\n"}
    )
    (missing,) = [each for each in Correspondence(analysis).answered if not each.served]
    assert missing.other_verb
    assert {str(route) for route in missing.alike} == {"GET /users/{}", "DELETE /users/{}"}


def test_a_parameter_of_a_request_is_not_taken_for_a_segment_that_a_route_writes() -> None:
    server = SERVER + '@app.put("/wallet/share/{one}")\ndef share(one): ...\n'
    sent = [*FITTING, 'http.post(f"/wallet/{one}/invoice")']
    analysis = analysed({"server.py": server, "client.py": f"def work(http, one):\n    {';'.join(sent)}\n"})
    (missing,) = [each for each in Correspondence(analysis).answered if not each.served]
    assert not missing.other_verb
