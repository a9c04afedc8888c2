from netra.guard.requests.first_caller import kept_for_first
from tests.guard.programs import analysed

TEXT = """
token = None
def sign_in(api_key):
    global token
    if token is None:
        answer = ask(api_key)
        token = answer["token"]
    return token
def sign_in_anew(api_key):
    global token
    token = ask(api_key)
    return token
def greet(name, api_key):
    return sign_in(api_key=api_key)
"""


def test_what_is_kept_for_all_is_found_with_the_credential_and_the_test_that_lets_others_have_it() -> None:
    (found,) = kept_for_first(analysed(TEXT))
    assert (found.scope.name, found.slot.name, found.credential, found.tested) == ("sign_in", "token", "api_key", 5)


def test_who_hands_on_a_credential_is_named() -> None:
    (found,) = kept_for_first(analysed(TEXT))
    assert [each.note for each in found.way] == ["`greet` hands on what it is given to sign in with"]
