from netra.guard.variables import VariableNames
from tests.guard.programs import analysed

APP = {
    "app/__init__.py": "",
    "app/config.py": "import os\nKEY = os.getenv('KEY', 'none')\n",
    "app/work.py": "import os\nx = os.getenv('KEY')\n",
}


def test_a_variable_that_is_called_like_an_imported_package_is_that_packages_own() -> None:
    files = APP | {"app/more.py": "import app.work\nimport json\nimport grpc\nfrom sentry_sdk import init\n"}
    variables = VariableNames(analysed(files))
    names = ("GRPC_VERBOSITY", "SENTRY_DSN", "AWS_REGION", "APP_LIMIT", "JSON_LIMIT", "LIMIT")
    assert [name for name in names if variables.is_of_library(name)] == ["GRPC_VERBOSITY", "SENTRY_DSN", "AWS_REGION"]


def test_what_a_module_is_called_after_is_something_named() -> None:
    variables = VariableNames(analysed(APP | {"app/openai_agents.py": ""}))
    assert variables.is_of_something_named("OPENAI_TRACING") and not variables.is_of_something_named("MAIL_TRACING")


def test_the_program_owns_what_no_library_no_provider_and_not_itself_has_named() -> None:
    text = "import os\nos.environ['MODE'] = 'a'\nx = os.getenv('MAILGUN_API_KEY')\n"
    variables = VariableNames(analysed(APP | {"app/more.py": text}))
    names = ("LIMIT", "MODE", "MAILGUN_API_KEY", "MAILGUN_DOMAIN", "AWS_REGION")
    assert [name for name in names if variables.is_own(name)] == ["LIMIT"]
