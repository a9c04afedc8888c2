from tests.guard.programs import analysed


def labels(files: dict[str, str] | str) -> dict[str, str]:
    entries = analysed(files).reach.entries.values()
    return {entry.function.facts.qualified: f"{entry.sort}: {entry.label}" for entry in entries}


def test_a_method_that_a_framework_calls_is_an_entry_point() -> None:
    text = """
        import tornado.web
        from django.views import View
        from http.server import BaseHTTPRequestHandler
        from pb import users_pb2_grpc
        from rest_framework import viewsets
        from starlette.endpoints import WebSocketEndpoint
        from starlette.middleware.base import BaseHTTPMiddleware
        class Home(View):
            def get(self, request): ...
            def helper(self): ...
        class Users(viewsets.ModelViewSet):
            def create(self, request): ...
        class Chat(WebSocketEndpoint):
            async def on_receive(self, websocket, data): ...
        class Log(BaseHTTPMiddleware):
            async def dispatch(self, request, call_next): ...
        class Handler(tornado.web.RequestHandler): ...
        class Login(Handler):
            async def post(self): ...
        class Remote(users_pb2_grpc.UsersServicer):
            def Get(self, request, context): ...
            def _own(self): ...
        class Small(BaseHTTPRequestHandler):
            def do_POST(self): ...
        """
    assert labels(text) == {
        "Home.get": "route: GET Home",
        "Users.create": "route: HTTP Users.create",
        "Chat.on_receive": "socket: Chat.on_receive",
        "Log.dispatch": "listener: every request",
        "Login.post": "route: POST Login",
        "Remote.Get": "listener: gRPC Remote.Get",
        "Small.do_POST": "route: POST Small",
    }


def test_a_class_of_that_name_of_somebody_else_serves_nobody() -> None:
    assert labels("from shapes import View\nclass Side(View):\n    def get(self): ...\n") == {}
    assert labels("class View: ...\nclass Side(View):\n    def get(self): ...\n") == {}


def test_what_is_asked_before_every_request_is_an_entry_point() -> None:
    text = """
        import grpc
        from aiogram import BaseMiddleware
        from rest_framework.permissions import BasePermission
        from starlette.authentication import AuthenticationBackend
        class Locale(grpc.aio.ServerInterceptor):
            async def intercept_service(self, continuation, details): ...
        class Signed(AuthenticationBackend):
            async def authenticate(self, conn): ...
        class Member(BasePermission):
            def has_permission(self, request, view): ...
        class Rows(BaseMiddleware):
            async def __call__(self, handler, event, data): ...
        """
    assert labels(text) == {
        "Locale.intercept_service": "listener: gRPC call Locale.intercept_service",
        "Signed.authenticate": "listener: every request",
        "Member.has_permission": "listener: every request",
        "Rows.__call__": "listener: telegram Rows.__call__",
    }


def test_what_is_asked_who_signs_in_is_asked_with_every_request() -> None:
    text = """
        from mcp.server.auth.provider import OAuthAuthorizationServerProvider, TokenVerifier
        from litestar.middleware.authentication import AbstractAuthenticationMiddleware
        from strawberry.permission import BasePermission
        class Keys(TokenVerifier):
            async def verify_token(self, token): ...
            def helper(self): ...
        class Provider(OAuthAuthorizationServerProvider):
            async def load_access_token(self, token): ...
        class SignedIn(AbstractAuthenticationMiddleware):
            async def authenticate_request(self, connection): ...
        class Staff(BasePermission):
            async def has_permission(self, source, info, **kwargs): ...
        class Own:
            async def verify_token(self, token): ...
        """
    assert labels(text) == dict.fromkeys(
        ("Keys.verify_token", "Provider.load_access_token", "SignedIn.authenticate_request", "Staff.has_permission"),
        "listener: every request",
    )


def test_what_hears_events_and_jobs_is_an_entry_point() -> None:
    text = """
        import dramatiq
        import socketio
        from botbuilder.core import ActivityHandler
        from rasa_sdk import Action
        from taskiq import TaskiqMiddleware
        class Room(socketio.AsyncNamespace):
            async def on_say(self, sid, data): ...
            async def tell(self, sid): ...
        class There(socketio.AsyncClientNamespace):
            async def on_say(self, data): ...
        class Current(dramatiq.Middleware):
            def before_process_message(self, broker, message): ...
            def forget(self): ...
        class Timing(TaskiqMiddleware):
            async def pre_execute(self, message): ...
        class Order(Action):
            def name(self): ...
            def run(self, dispatcher, tracker, domain): ...
        class Echo(ActivityHandler):
            async def on_message_activity(self, turn_context): ...
        """
    assert labels(text) == {
        "Room.on_say": "listener: socket event Room.on_say",
        "Current.before_process_message": "listener: dramatiq Current.before_process_message",
        "Timing.pre_execute": "listener: taskiq Timing.pre_execute",
        "Order.run": "listener: rasa Order.run",
        "Echo.on_message_activity": "listener: bot activity Echo.on_message_activity",
    }
