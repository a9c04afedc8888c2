"""`netra.settings.model` and its units: defaults that hold together, and secrets that stay where they are."""

import os
from pathlib import Path

import pytest
from pydantic import ValidationError

from netra.settings import Settings
from netra.settings.model import PRESETS, read_origin

KEY = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="
"""32 bytes in base64."""

FACTORY_DEFAULTS = {
    "factory_max_concurrent_per_user": 10,
    "factory_execution_timeout": 300,
    "factory_pool_initial_size": 20,
    "factory_pool_max_size": 200,
    "factory_pool_reuse_timeout": 60,
    "factory_cache_size": 128,
    "factory_cache_ttl": 3600,
    "factory_target_context_ms": 5,
    "factory_target_agent_ms": 10,
    "factory_target_cleanup_ms": 2,
}


def test_the_factory_has_the_published_names_and_defaults() -> None:
    settings = Settings()
    assert {name: getattr(settings, name) for name in FACTORY_DEFAULTS} == FACTORY_DEFAULTS


@pytest.mark.parametrize("preset", PRESETS)
def test_every_preset_is_a_set_of_valid_factory_settings(preset: str) -> None:
    settings = Settings.model_validate({"factory_preset": preset})
    for name, value in (FACTORY_DEFAULTS | dict(PRESETS[preset])).items():
        assert getattr(settings, name) == value


def test_a_factory_setting_given_on_its_own_wins_over_the_preset() -> None:
    settings = Settings.model_validate({"factory_preset": "minimal", "factory_pool_max_size": 50})
    assert settings.factory_pool_max_size == 50
    assert settings.factory_cache_size == PRESETS["minimal"]["factory_cache_size"]


def test_settings_cannot_be_changed_after_the_start() -> None:
    with pytest.raises(ValidationError):
        Settings().port = 1  # type: ignore[misc]


def test_no_secret_shows_in_the_representation_or_the_dump_of_settings() -> None:
    settings = Settings.model_validate(
        {
            "database_url": "postgresql://u:hunter2@db/x",
            "model_url": "https://u:hunter2@model",
            "service_secrets": "billing=hunter2,search=hunter2",
            "secret_keys": f"new={KEY},old={KEY}",
            "mail_url": "smtp://u:hunter2@mail.example",
            "mail_from": "netra@example.com",
            "oidc_providers": "idp=https://idp.example",
            "oidc_clients": "idp=netra",
            "oidc_secrets": "idp=hunter2",
        }
    )
    for shown in (repr(settings), str(settings), str(settings.model_dump()), settings.model_dump_json()):
        assert "hunter2" not in shown
        assert KEY not in shown
    assert settings.service_secrets["billing"].get_secret_value() == "hunter2"


def test_every_field_that_can_hold_a_password_is_a_secret() -> None:
    for name, field in Settings.model_fields.items():
        if name.endswith(("_url", "_secret", "_secrets", "_key", "_keys")) and name != "public_url":
            assert "SecretStr" in str(field.annotation), name


def test_providers_are_read_in_the_operators_order_and_those_of_this_machine_need_no_tls_in_development() -> None:
    settings = Settings.model_validate(
        {"oidc_providers": "work=http://127.0.0.1:9000, home = https://idp.example/tenant/", "oidc_clients": "home=a=b,work=c"}
    )
    assert list(settings.oidc_providers.items()) == [
        ("work", "http://127.0.0.1:9000"),
        ("home", "https://idp.example/tenant/"),
    ]
    assert settings.oidc_clients == {"home": "a=b", "work": "c"}


def test_registration_is_limited_where_strangers_come() -> None:
    for environment, limit in (("development", None), ("test", None), ("staging", 20), ("production", 20)):
        assert Settings.model_validate({"environment": environment}).registrations_per_address == limit
    assert (
        Settings.model_validate({"environment": "production", "registrations_per_address": "none"}).model_dump()[
            "registrations_per_address"
        ]
        is None
    )


def test_the_public_url_and_the_origins_follow_the_port() -> None:
    settings = Settings(port=9000)
    assert settings.public_url == "http://localhost:9000"
    assert settings.allowed_origins == ("http://localhost:9000", "http://127.0.0.1:9000")


@pytest.mark.parametrize("environment", ["staging", "production"])
def test_only_the_public_origin_is_allowed_outside_of_development(environment: str) -> None:
    settings = Settings.model_validate({"environment": environment, "public_url": "https://Netra.Example/"})
    assert settings.allowed_origins == ("https://netra.example",)
    assert settings.log_format == "json"


@pytest.mark.parametrize(
    "text",
    [
        *("*", "null", "a.example", "https://", "https://*.example.com", "https://a.example/path", "ftp://a.example"),
        *("https://u:p@a.example", "https://a.example:port", "http://[::1", "https://a.example?x=1"),
    ],
)
def test_an_origin_that_is_not_exact_is_refused(text: str) -> None:
    with pytest.raises(ValidationError):
        Settings.model_validate({"allowed_origins": text})


@pytest.mark.parametrize(
    ("text", "origin"),
    [("https://A.example:443/", "https://a.example"), ("http://a:80", "http://a"), ("http://[::1]:8000", "http://[::1]:8000")],
)
def test_an_origin_is_written_as_browsers_send_it(text: str, origin: str) -> None:
    assert read_origin(text) == origin


def test_a_relative_data_folder_is_fixed_at_the_start() -> None:
    assert Settings(data_dir=Path("data")).data_dir == Path.cwd() / "data"


@pytest.mark.parametrize(
    "given",
    [
        {"run_lease": 4, "run_heartbeat": 2.5},
        {"factory_pool_initial_size": 201},
        {"run_environment": "TZ,netra_database_url"},
        {"database_url": "mysql://db"},
        {"database_url": "postgresql://netra_app:half/other@db/netra"},
        {"database_url": "postgresql+psycopg://db"},
        {"model_url": "model:8080"},
        {"model": "gpt"},
        {"service_secrets": "billing"},
        {"service_secrets": "billing="},
        {"service_secrets": "billing=one,billing=two"},
        {"secret_keys": "new"},
        {"secret_keys": "new=hunter2"},
        {"secret_keys": f"new={KEY},old={KEY[:-4]}"},
        {"secret_keys": f"new={KEY},new={KEY}"},
        {"service_secrets": "Billing=secret"},
        {"mail_url": "smtp://mail.example"},
        {"mail_url": "http://mail.example", "mail_from": "n@x.test"},
        {"mail_url": "smtp:///", "mail_from": "n@x.test"},
        *({"mail_from": text} for text in ("nobody", "@x.test", "a@", "a..b@x.test", "N <n@x.test>", "a@x.test,b@x.test")),
        {"mail_from": "a@x.test\nBcc: b@x.test"},
        {"oidc_providers": "idp=https://idp.example"},
        {"oidc_clients": "idp=netra"},
        {"oidc_providers": "idp=https://idp.example", "oidc_clients": "other=netra"},
        {"oidc_providers": "idp=https://idp.example", "oidc_clients": "idp=netra", "oidc_secrets": "other=x"},
        {"oidc_providers": "idp", "oidc_clients": "idp=netra"},
        {"oidc_providers": "idp=https://a.example,idp=https://b.example", "oidc_clients": "idp=netra"},
        {"oidc_providers": "IDP=https://idp.example", "oidc_clients": "IDP=netra"},
        {"oidc_providers": "../x=https://idp.example", "oidc_clients": "../x=netra"},
        {"oidc_providers": "idp=http://idp.example", "oidc_clients": "idp=netra"},
        {"oidc_providers": "idp=https://u:p@idp.example", "oidc_clients": "idp=netra"},
        {"oidc_providers": "idp=https://idp.example?x=1", "oidc_clients": "idp=netra"},
        {"oidc_providers": "idp=https://", "oidc_clients": "idp=netra"},
        {"oidc_providers": "idp=http://localhost:9", "oidc_clients": "idp=netra", "environment": "staging"},
        {"registrations_per_address": 0},
        {"audit_retention": 0},
        {"port": 65536},
        {"ping_interval": "nan"},
        {"access_check_interval": 6},
        {"unheard_of": 1},
    ],
    ids=str,
)
def test_values_that_do_not_hold_together_are_refused(given: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Settings.model_validate(given)


def test_data_of_root_lies_where_the_databases_own_user_can_reach_it() -> None:
    by_root = os.name == "posix" and os.geteuid() == 0
    assert (Settings().data_dir == Path("/var/lib/netra")) == by_root
    assert Settings().data_dir.name == "netra"
