"""The one client that there is for all is found where it signs in for one user; one that is made for the user is not."""

import pytest

from netra.guard.requests.signing_in import signed_in_anew, signed_in_by_cookie, signed_in_here
from tests.guard.programs import analysed


@pytest.mark.parametrize(
    ("parameter", "client", "kept", "found"),
    [
        ("token", "shared()", "client.headers['Authorization'] = f'Bearer {token}'", True),
        ("token", "shared()", "client.token = token", True),
        ("token", "fresh()", "client.token = token", False),
        ("token", "httpx.Client()", "client.headers['Authorization'] = f'Bearer {token}'", False),
        ("token", "shared()", "client.headers['Authorization'] = f'Bearer {OURS}'", False),
        ("language", "shared()", "client.headers['Accept-Language'] = language", False),
    ],
)
def test_the_one_client_is_given_out_signed_in_for_whoever_asked(parameter: str, client: str, kept: str, found: bool) -> None:
    text = f"""
        from functools import cache
        import httpx
        OURS = "ours"
        @cache
        def shared(): return httpx.Client()
        def fresh(): return httpx.Client()
        def client_of({parameter}):
            client = {client}
            {kept}
            return client
        """
    said = [(scope.name, message) for scope, _, _, message, _, _ in signed_in_anew(analysed(text))]
    assert [name for name, _ in said] == ["client_of"] * found
    assert all("`token`" in message for _, message in said)


@pytest.mark.parametrize(
    ("call", "found"),
    [
        ("MAILBOX.login(current_user.email, password)", True),
        ("MAILBOX.login(OURS, OURS)", False),
        ("MAILBOX.select(current_user.email)", False),
        ("imaplib.IMAP4('mail').login(current_user.email, password)", False),
        ("OWN.login(current_user.email, password)", False),
    ],
)
def test_the_one_object_of_a_library_signs_in_for_somebody_who_is_served(call: str, found: bool) -> None:
    text = f"""
        import imaplib
        from fastapi import Depends, FastAPI
        app = FastAPI()
        class Own:
            def login(self, name, password): return name
        MAILBOX = imaplib.IMAP4("mail")
        OWN = Own()
        OURS = "ours"
        def get_current_user(token: str): ...
        @app.post("/mail")
        def mail(password: str, current_user=Depends(get_current_user)):
            {call}
        """
    assert [(scope.name, line) for scope, line, *_ in signed_in_here(analysed(text))] == [("mail", 13)] * found


@pytest.mark.parametrize(
    ("body", "found"),
    [
        ("await http.post('/login', data={'password': password}); return await http.get('/mine')", True),
        ("await http.post('/login', data={'password': password}); return http", True),
        ("await http.post('/login', data={'password': password})", False),
        ("return (await http.post('/login', data={'password': password})).json()", False),
        ("await http.post('/login', data={'password': OURS}); return await http.get('/mine')", False),
        ("await http.post('/mails', data={'password': password}); return await http.get('/mine')", False),
        ("own = httpx.AsyncClient(); await own.post('/login', data={'password': password}); return await own.get('/a')", False),
    ],
)
def test_the_cookie_of_a_login_stays_with_the_one_client(body: str, found: bool) -> None:
    text = f"""
        import httpx
        from fastapi import FastAPI
        OURS = "ours"
        app = FastAPI()
        http = httpx.AsyncClient()
        @app.post("/mine")
        async def mine(password: str):
            {body}
        """
    assert [scope.name for scope, *_ in signed_in_by_cookie(analysed(text))] == ["mine"] * found
