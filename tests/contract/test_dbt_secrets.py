"""Code of the dbt project cannot print a secret: what Jinja reaches holds none, and the child is told none but its key."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)
from dbt.adapters.snowflake.connections import SnowflakeCredentials
from dbt.config.runtime import RuntimeConfig
from pydantic import SecretStr

from bot import dbt_profile, key_files
from bot.settings import Settings
from tests.contract.dbt_demo import PROJECT, Demo, changed_project, demo

pytestmark = pytest.mark.xdist_group("dbt")

MODEL = "model.onchain.everything"
BUILDERS, PROMOTERS, COMMON = "opens-the-builders", "opens-the-promoters", "opens-both"
# Names that the context has everywhere, methods that tell much, and each public attribute of what the adapter holds.
REACHED = [
    "target",
    "adapter.config",
    "adapter.config.credentials",
    "adapter.config.to_target_dict()",
    "adapter.config.to_profile_info(true)",
    "adapter.config.to_project_config(true)",
    "adapter.config.credentials.to_dict()",
    "adapter.config.credentials.auth_args().keys() | list",
    "adapter.config.credentials.connection_info(with_aliases=true) | list",
    "flags",
    "invocation_args_dict",
    "dbt_metadata_envs",
    "builtins",
    "modules",
    "context",
    "model",
    "var",
    "env_var('DEV_USER')",
    *(f"adapter.config.credentials.{field.name}" for field in fields(SnowflakeCredentials)),
    *(f"adapter.config.{field.name}" for field in fields(RuntimeConfig)),
]
SAID = "select 1 as one\n" + "\n".join(f"{{{{ {expression} }}}}" for expression in REACHED)


@pytest.fixture(scope="module")
def there(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    with demo(tmp_path_factory.mktemp("demo")) as made:
        yield made


def locked(there: Demo, directory: Path) -> Settings:
    """Both keys with passphrases of their own, and a word that is easy to find for each secret."""
    files = {}
    for user, passphrase in (("builder", BUILDERS), ("promoter", PROMOTERS)):
        key = load_pem_private_key(there.world.key_file(user).read_bytes(), None)
        how = BestAvailableEncryption(passphrase.encode())
        files[user] = directory / f"{user}-locked.p8"
        files[user].write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, how))
    secrets = there.settings.secrets.model_copy(
        update={
            "snowflake_builder_key_file": files["builder"],
            "snowflake_promoter_key_file": files["promoter"],
            "snowflake_builder_key_passphrase": SecretStr(BUILDERS),
            "snowflake_promoter_key_passphrase": SecretStr(PROMOTERS),
            "snowflake_key_passphrase": SecretStr(COMMON),
            "slack_bot_token": SecretStr("xoxb-secret"),
            "slack_app_token": SecretStr("xapp-secret"),
            "slack_signing_secret": SecretStr("signs-requests"),
            "database_url": "postgresql://bot:opens-the-database@db/refresh",
        }
    )
    return there.settings.model_copy(update={"secrets": secrets})


def secrets_of(settings: Settings) -> dict[str, str]:
    """What no code of the project may see; the builder's key is there in text, in part."""
    secrets = settings.secrets
    builder = key_files.packed(key_files.opened("builder", *secrets.builder_key))
    return {
        "the builder's passphrase": BUILDERS,
        "the promoter's passphrase": PROMOTERS,
        "the common passphrase": COMMON,
        "the promoter's key": str(secrets.snowflake_promoter_key_file),
        "Slack's bot token": secrets.slack_bot_token.get_secret_value(),
        "Slack's app token": secrets.slack_app_token.get_secret_value(),
        "Slack's signing secret": secrets.slack_signing_secret.get_secret_value(),
        "the database": "opens-the-database",
        "the builder's key": builder[40:80],
    }


def test_nothing_that_jinja_reaches_holds_a_secret(there: Demo, tmp_path: Path):
    settings = changed_project(locked(there, tmp_path), tmp_path / "code")
    (tmp_path / "code" / "models" / "facts" / "everything.sql").write_text(SAID)

    with there.child(MODEL, tmp_path / "work", settings=settings) as child:
        command = {"do": "compile", "without_vars": False, "incremental": False}
        said = child._running.ask(command, within=120.0)["sql"]

    assert "REFRESH_BUILDER_SVC" in said, "it does see what the adapter holds"
    assert [name for name, secret in secrets_of(settings).items() if secret in said] == []
    profiles = (tmp_path / "work" / "profiles" / "profiles.yml").read_text()
    assert [name for name, secret in secrets_of(settings).items() if secret in profiles] == []


def test_a_child_is_told_the_builders_key_and_no_other_secret(there: Demo, tmp_path: Path):
    settings = locked(there, tmp_path)
    dbt = settings.dbt.model_copy(update={"project_dir": PROJECT, "profiles_dir": PROJECT})
    settings = settings.model_copy(update={"dbt": dbt})
    uid = "model.onchain.fact_ethereum_daily_dex_volumes"

    with there.child(uid, tmp_path / "work", settings=settings, full_refresh=True) as child:
        told = json.dumps([child._setup, dbt_profile.environment(settings)])
        assert child.build().compiled_sql, "it logs in with a key that has a passphrase"

    assert [name for name, secret in secrets_of(settings).items() if secret in told] == ["the builder's key"]


def test_the_common_passphrase_opens_what_has_none_of_its_own(there: Demo):
    def opens(**given: str) -> tuple[str, str]:
        named = {f"snowflake_{name}_passphrase": SecretStr(value) for name, value in given.items()}
        secrets = there.settings.secrets.model_copy(update=named)
        return secrets.builder_key.passphrase, secrets.promoter_key.passphrase

    assert opens(key=COMMON) == (COMMON, COMMON)
    assert opens(key=COMMON, promoter_key=PROMOTERS) == (COMMON, PROMOTERS)
    assert opens(builder_key=BUILDERS, promoter_key=PROMOTERS) == (BUILDERS, PROMOTERS)
