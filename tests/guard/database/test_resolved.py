from netra.guard.database.resolved import ContextSessions
from tests.guard.programs import analysed

TEXT = """
    import strawberry
    from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker
    from sqlalchemy.orm import Session
    from strawberry.asgi import GraphQL
    from strawberry.types import Info
    factory = async_sessionmaker()
    class Around:
        def __init__(self, user, session: AsyncSession, other: Session):
            self.session = session
    class App(GraphQL):
        async def get_context(self, request, response):
            session = factory()
            around = Around(1, session, other=Session())
            return around
    @strawberry.type
    class Query:
        @strawberry.field
        async def people(self, info: Info): return await info.context.session.scalars("SELECT 1")
        @strawberry.field
        async def handed(self, info: Info): return await load(info.context.session)
        @strawberry.field
        async def other(self, info: Info): return await info.context.other.scalars("SELECT 1")
        @strawberry.field
        def plain(self, info: Info): return info.context.session
    @strawberry.type
    class Changes:
        @strawberry.field
        async def rename(self, info: Info): await info.context.session.commit()
    schema = strawberry.Schema(Query, mutation=Changes)
    """


def test_fields_that_wait_for_the_session_of_their_query_are_found() -> None:
    found = [(each.scope.name, each.key) for each in ContextSessions(analysed(TEXT)).resolving()]
    assert found == [("people", "session"), ("handed", "session")]


def test_without_a_context_that_has_one_there_is_none() -> None:
    text = TEXT.replace("return around", 'return {"session": request}')
    assert not list(ContextSessions(analysed(text)).resolving())
