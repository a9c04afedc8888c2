"""`netra.guard.requests.senders`: requests, and the functions through which they are sent."""

from netra.guard.requests.senders import Senders
from tests.guard.programs import analysed

CLIENT = """
class Client:
    def call(self, verb, path, body=None, **options):
        return self.http.request(verb, "/v1" + path, json=body, **options)
    def send(self, path, **options):
        return self.call("POST", path, **options)
    def load(self, path, verb="GET"):
        return self.call(verb, path)
"""


def sent(work: str) -> set[str]:
    return {str(each) for each in Senders(analysed(f"{CLIENT}    def work(self, one, url):\n        {work}\n")).requests}


def test_a_call_of_a_function_that_sends_what_it_is_given_is_a_request() -> None:
    assert sent('self.call("PUT", f"/users/{one}")') == {"PUT /v1/users/{}"}
    assert sent('self.send("/users")') == {"POST /v1/users"}
    assert sent('self.load(path="/users", verb="delete")') == {"DELETE /v1/users"}
    assert sent('self.load("/users")') == {"GET /v1/users"}


def test_what_is_not_known_is_no_request() -> None:
    assert sent('self.call(one, "/users")') == set()
    assert sent("self.load(url)") == set()
    assert sent('one.call("PUT", "/users")') == set()


def test_the_body_is_what_the_function_hands_on() -> None:
    analysis = analysed(
        f"{CLIENT}    def work(self):\n        self.call('PUT', '/a', {{'x': 1}})\n        self.send('/b', body={{'y': 1}})\n"
    )
    bodies = {str(each): each.body for each in Senders(analysis).requests}
    assert bodies["PUT /v1/a"] == ("dict", ((("string", "x"), ("constant", "int")),))
    assert bodies["POST /v1/b"] is None


def test_a_dictionary_is_asked_for_a_key_and_no_server_for_a_path() -> None:
    analysis = analysed("def setting(key):\n    return settings.get(key)\ndef work():\n    setting('/users')\n")
    assert Senders(analysis).requests == ()
