from netra.guard.database.atomic import AtomicBlocks
from tests.guard.programs import analysed


def waits(text: str) -> list[tuple[str, int, str]]:
    return [(each.scope.name, each.call.line, each.what) for each in AtomicBlocks(analysed(text)).held()]


def test_where_a_block_that_has_locked_something_waits() -> None:
    text = """
        import requests
        from django.db import models, transaction
        class Order(models.Model): ...
        def told():
            with transaction.atomic():
                with transaction.atomic():
                    Order.objects.create()
                requests.post("https://example")
        def over():
            with transaction.atomic():
                Order.objects.create()
            requests.post("https://example")
        @transaction.atomic()
        def whole(order):
            order.save()
            requests.post("https://example")
        def of_somebody_else(atomic):
            with atomic():
                Order.objects.create()
                requests.post("https://example")
        """
    assert waits(text) == [("told", 9, "what it has locked"), ("whole", 17, "what it has locked")]


def test_a_mapper_with_a_pool_takes_a_connection_at_once() -> None:
    text = """
        import httpx
        from tortoise.transactions import atomic, in_transaction
        async def told(client: httpx.AsyncClient):
            async with in_transaction():
                await client.get("https://example")
        async def fine(client: httpx.AsyncClient):
            await client.get("https://example")
            async with in_transaction():
                pass
        """
    assert waits(text) == [("told", 6, "its connection")]
