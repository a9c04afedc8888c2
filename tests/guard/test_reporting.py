from netra.guard.configuration import GuardConfiguration
from netra.guard.faults import CERTAIN, LIKELY
from tests.guard.programs import faults
from tests.guard.test_environment import APP


def test_a_named_owner_makes_it_certain_and_a_recognised_one_likely() -> None:
    (recognised,) = faults(APP | {"app/more.py": "import dotenv\ndotenv.load_dotenv()\n"}, "E104")
    (named,) = faults(APP, "E101", configuration=GuardConfiguration(owner=("app.settings",), accessor="app.settings.get"))
    assert (recognised.confidence, named.confidence) == (LIKELY, CERTAIN)
    assert named.mend is not None and named.mend.words == "ask `app.settings.get`"
    assert recognised.why[0].path == "app/settings.py"
