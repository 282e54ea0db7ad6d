"""What a dbt child is given: an environment, and a profiles directory with one output and nothing else.

The dev profile is the project's own dev output with the identity of the builder in it, so that no other role can
build, and no credential: code of the project can print all that a profile holds. A child that logs in is given the key. The prod profile keeps the names of the prod output and none of its credentials: it can be parsed, never used.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml

import bot
from bot import dbt_user
from bot.errors import RefreshError
from bot.planning import ANY_USER
from bot.settings import Settings, scrubbed_environ
from bot.wording import dbt as wording

_NO_THREADS = {  # that importing a library starts, and that no child of a fork would have
    "SNOWFLAKE_DISABLE_MINICORE": "true",  # the connector's, which only counts
    "OPENBLAS_NUM_THREADS": "1",  # numpy's
    "JE_ARROW_MALLOC_CONF": "background_thread:false",  # pyarrow's
}
_USER = re.compile(r"[A-Z0-9_]+\Z")

_CREDENTIALS = frozenset(
    {
        "user",
        "password",
        "authenticator",
        "token",
        "private_key",
        "private_key_path",
        "private_key_passphrase",
        "oauth_client_id",
        "oauth_client_secret",
    }
)
_NAMES = ("type", "database", "schema", "role", "warehouse", "threads")
_NOWHERE = {"account": "nowhere", "host": "127.0.0.1", "port": 1, "user": "nobody", "password": "none"}


def environment(settings: Settings, user: str = ANY_USER) -> dict[str, str]:
    """The child's whole environment: what every program needs, `[dbt.env]` with {user} filled, telemetry off.

    Raises RefreshError when `user` is not in capitals, digits and underscores (it becomes part of a schema name).
    """
    if not _USER.match(user):
        raise RefreshError(wording.unusable_user(user))
    own = {name: value.replace("{user}", user) for name, value in settings.dbt.env.items()}
    quiet = {"DBT_SEND_ANONYMOUS_USAGE_STATS": "false", "DO_NOT_TRACK": "1", "PYTHONUNBUFFERED": "1"}
    code = {"PYTHONPATH": str(Path(bot.__file__).resolve().parent.parent)}
    inherited = scrubbed_environ() | dbt_user.home(settings.dbt.run_as)
    return inherited | own | quiet | _NO_THREADS | code


def write_dev(settings: Settings, directory: Path, tag: str = "") -> Path:
    """Write profiles.yml with the project's dev output, the builder as its user; returns the directory."""
    output = _output(settings, settings.dbt.target)
    kept = {key: value for key, value in output.items() if key not in _CREDENTIALS}
    return _write(settings, directory, settings.dbt.target, kept | _builder(settings, tag))


def write_prod(settings: Settings, directory: Path) -> Path:
    """Write profiles.yml with the names of the prod output and nothing that could log in anywhere."""
    output = _output(settings, settings.dbt.prod_target)
    kept = {key: value for key, value in output.items() if key in _NAMES}
    return _write(settings, directory, settings.dbt.prod_target, kept | _NOWHERE)


def profile_name(settings: Settings) -> str:
    """The profile that the project uses. Raises RefreshError when dbt_project.yml cannot be read."""
    path = settings.dbt.project_dir / "dbt_project.yml"
    name = settings.dbt.profile or _read(path).get("profile", "")
    if not name:
        raise RefreshError(wording.no_profile(path.name))
    return str(name)


def _builder(settings: Settings, tag: str) -> dict[str, Any]:
    warehouse = settings.warehouse
    login: dict[str, Any] = {
        "account": warehouse.account,
        "user": warehouse.builder.user,
        "role": warehouse.builder.role,
        "warehouse": warehouse.builder.warehouse,
        "threads": settings.dbt.threads,
        "query_tag": tag,
    }
    if warehouse.host:
        login |= {"host": warehouse.host, "port": warehouse.port, "protocol": warehouse.protocol}
    return {key: value for key, value in login.items() if value != ""}


def _output(settings: Settings, target: str) -> dict[str, Any]:
    path = (settings.dbt.profiles_dir or settings.dbt.project_dir) / "profiles.yml"
    outputs = (_read(path).get(profile_name(settings)) or {}).get("outputs") or {}
    if target not in outputs:
        raise RefreshError(wording.no_target(path.name, profile_name(settings), target, sorted(outputs)))
    return outputs[target]


def _read(path: Path) -> dict[str, Any]:
    try:
        content = yaml.safe_load(path.read_text())
    except FileNotFoundError as error:
        raise RefreshError(wording.missing_file(path.name), str(path)) from error
    except yaml.YAMLError as error:
        raise RefreshError(wording.unreadable_file(path.name), str(error)) from error
    return content if isinstance(content, dict) else {}


def _write(settings: Settings, directory: Path, target: str, output: dict[str, Any]) -> Path:
    directory.mkdir(parents=True, exist_ok=True)
    content = {profile_name(settings): {"target": target, "outputs": {target: output}}}
    (directory / "profiles.yml").write_text(yaml.safe_dump(content, sort_keys=False))
    return directory
