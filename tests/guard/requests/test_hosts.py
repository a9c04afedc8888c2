"""`netra.guard.requests.hosts`: which files may ask somebody else's server."""

from netra.guard.requests.hosts import ForeignHosts
from tests.guard.programs import analysed

FILES = {
    "shop/regions.py": 'HOSTS = {"eu": "api.eu.weather.com"}',
    "shop/cloud.py": "from shop.regions import HOSTS",
    "shop/other.py": "from shop import regions",
    "shop/client.py": 'BASE = "https://shop.example.com/api"\nLOCAL = "http://localhost:8000"\nimport shop.cloud',
    "shop/written.py": 'async def call(http):\n    await http.get("https://api.weather.com/v1/now")',
}


def asked() -> dict[str, bool]:
    analysis = analysed(FILES)
    hosts = ForeignHosts(analysis)
    return {module.path: hosts.may_be_asked_by(module) for module in analysis.modules}


def test_a_file_that_writes_a_host_or_imports_one_that_does_may_ask_it() -> None:
    found = asked()
    assert found["shop/regions.py"]
    assert found["shop/cloud.py"]
    assert found["shop/other.py"]
    assert found["shop/written.py"]


def test_examples_this_machine_and_what_is_imported_further_away_are_no_other_server() -> None:
    files = {
        **FILES,
        "shop/client.py": 'BASE = "https://shop.example.com/api"\nLOCAL = "http://localhost:8000"\nimport shop.cloud',
    }
    analysis = analysed(files)
    hosts = ForeignHosts(analysis)
    client = next(module for module in analysis.modules if module.path == "shop/client.py")
    assert not hosts.may_be_asked_by(client)
