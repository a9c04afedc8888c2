from netra.guard.meaning.fixtures import fixture_of
from tests.guard.programs import analysed, function

CONFTEST = """
    import pytest

    @pytest.fixture
    def shop(): ...

    @pytest.fixture
    def basket(): ...

    @pytest.fixture(name="till")
    def other(): ...
"""

TESTS = """
    import pytest

    @pytest.fixture
    def basket(): ...

    def helper(shop): ...

    def test_it(shop, basket, till, unknown): ...

    @pytest.mark.parametrize("shop", [1])
    def test_cases(shop): ...

    class TestOwn:
        @pytest.fixture
        def shop(self): ...

        def test_it(self, shop): ...
"""


def test_the_nearest_fixture_of_a_name_is_given() -> None:
    program = analysed({"tests/conftest.py": CONFTEST, "tests/shop/test_it.py": TESTS}).program

    def given(scope: str, name: str) -> str | None:
        found = fixture_of(name, function(program, f"tests.shop.test_it.{scope}"), program)
        return None if found is None else found.full_name

    assert given("test_it", "shop") == "tests.conftest.shop"
    assert given("test_it", "basket") == "tests.shop.test_it.basket"
    assert given("test_it", "till") is None
    assert given("test_it", "unknown") is None
    assert given("helper", "shop") is None
    assert given("test_cases", "shop") is None
    assert given("TestOwn.test_it", "shop") == "tests.shop.test_it.TestOwn.shop"
