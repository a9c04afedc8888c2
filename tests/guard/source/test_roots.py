from pathlib import Path

from netra.guard.facts import File
from netra.guard.source import files
from netra.guard.source.naming import module_names
from netra.guard.source.roots import beginnings

HERE = Path("/work")


def facts(texts: dict[str, str]) -> dict[Path, File]:
    return {HERE / path: files.understand(files.Read(text.encode(), "")) for path, text in texts.items()}


def roots(texts: dict[str, str]) -> list[str]:
    return [each.relative_to(HERE).as_posix() for each in beginnings(facts(texts), [HERE]).roots[1:]]


SERVICE = {
    "backend/app/db.py": "engine = 1\n",
    "backend/app/routes.py": "from app.db import engine\n",
    "backend/main.py": "import app.routes\n",
}


def test_names_begin_where_the_imports_of_a_program_say() -> None:
    assert roots(SERVICE) == ["backend"]
    names = module_names(facts(SERVICE), *beginnings(facts(SERVICE), [HERE]))
    assert [each.name for each in names.values()] == ["app.db", "app.routes", "main"]


def test_who_imports_from_the_top_begins_there() -> None:
    texts = {each.replace("backend/", "backend/"): text.replace("app", "backend.app") for each, text in SERVICE.items()}
    assert roots(texts) == []


def test_the_more_imports_decide() -> None:
    from_the_top = {f"backend/app/more{number}.py": "from backend.app.db import engine\n" for number in range(3)}
    assert roots({**SERVICE, **from_the_top}) == []


def test_a_script_finds_what_lies_beside_it() -> None:
    assert roots({"tools/report.py": "from figures import total\n", "tools/figures.py": "total = 1\n"}) == ["tools"]


def test_a_name_that_the_module_lacks_is_that_of_a_library() -> None:
    assert roots({"links/mail.py": "from postal import Letter\n", "links/postal.py": "from postal import Stamp\n"}) == []


def test_a_library_that_guard_knows_is_meant_by_its_name() -> None:
    texts = {"links/store.py": "from redis import Redis\n", "links/redis.py": "class Redis: ...\n"}
    assert roots(texts) == []


def test_a_package_of_the_program_may_be_called_like_a_library() -> None:
    texts = {"backend/agents/base.py": "class Agent: ...\n", "backend/work.py": "from agents.base import Agent\n"}
    assert roots(texts) == ["backend"]


def test_a_package_with_an_init_is_found_below_the_folder_it_lies_in() -> None:
    texts = {
        "orders/shop/__init__.py": "",
        "orders/shop/db.py": "engine = 1\n",
        "orders/shop/routes.py": "from shop.db import engine\nfrom common.money import Money\n",
        "orders/common/money.py": "class Money: ...\n",
    }
    assert roots(texts) == ["orders"]


def test_two_services_with_packages_of_one_name_are_told_apart() -> None:
    texts = {f"{each}/app/{name}": text for each in ("orders", "mail-out") for name, text in {
        "db.py": "engine = 1\n", "routes.py": "from app.db import engine\n"
    }.items()}  # fmt: skip
    names = module_names(facts(texts), *beginnings(facts(texts), [HERE]))
    assert [each.name for each in names.values()] == ["app.db", "app.routes", "mail-out.app.db", "mail-out.app.routes"]


def test_packages_in_a_namespace_have_its_name_before_theirs() -> None:
    texts = {
        "acme/store/__init__.py": "",
        "acme/store/db.py": "engine = 1\n",
        "acme/web/__init__.py": "",
        "acme/web/routes.py": "from acme.store.db import engine\n",
        "other/tools/__init__.py": "",
        "other/tools/count.py": "from tools import totals\n",
    }
    names = module_names(facts(texts), *beginnings(facts(texts), [HERE]))
    assert [each.name for each in names.values()] == [
        "acme.store",
        "acme.store.db",
        "acme.web",
        "acme.web.routes",
        "tools",
        "tools.count",
    ]


def test_who_looks_from_within_a_package_looks_from_around_it() -> None:
    texts = {
        "shop/app/db.py": "engine = 1\n",
        "shop/app/jobs/nightly.py": "from app.db import engine\n",
        "shop/app/routes.py": "from app.db import engine\n",
    }
    begun = beginnings(facts(texts), [HERE / "shop/app"])
    assert begun.roots == (HERE / "shop",)
    names = module_names(facts(texts), *begun)
    assert [each.name for each in names.values()] == ["app.db", "app.jobs.nightly", "app.routes"]
