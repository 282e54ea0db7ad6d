"""Settings: secrets from the environment, policy from `refresh.toml`; read once, frozen, every problem listed at once.

`Settings.load()` is called by the command line only; everything else receives the frozen object.
"""

from __future__ import annotations

import fnmatch
import os
import re
import tomllib
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from bot.errors import RefreshError

_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


def _span(value: object) -> object:
    match = re.fullmatch(r"(\d+)\s*([smhd])", str(value).strip())
    if not match:
        raise ValueError("write a number and a unit, such as 30m, 24h or 7d")
    return timedelta(**{_UNITS[match[2]]: int(match[1])})


Span = Annotated[timedelta, BeforeValidator(lambda v: v if isinstance(v, timedelta) else _span(v))]


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class KeyFile(NamedTuple):
    """A private key and what opens it."""

    file: Path | None
    passphrase: str


class Secrets(BaseSettings):
    """The environment: what must not stand in a file."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore")

    slack_bot_token: SecretStr = SecretStr("")
    slack_app_token: SecretStr = SecretStr("")  # Socket Mode
    slack_signing_secret: SecretStr = SecretStr("")  # HTTP, with PORT
    slack_api_url: str = "https://slack.com/api/"
    port: int = 3000
    database_url: str = ""  # empty: an SQLite file and the worker inside the same process
    refresh_config: Path = Path("refresh.toml")
    snowflake_builder_key_file: Path | None = None
    snowflake_promoter_key_file: Path | None = None
    snowflake_builder_key_passphrase: SecretStr = SecretStr("")
    snowflake_promoter_key_passphrase: SecretStr = SecretStr("")
    snowflake_key_passphrase: SecretStr = SecretStr("")  # of a key that has none of its own above

    @property
    def builder_key(self) -> KeyFile:
        return self._key(self.snowflake_builder_key_file, self.snowflake_builder_key_passphrase)

    @property
    def promoter_key(self) -> KeyFile:
        return self._key(self.snowflake_promoter_key_file, self.snowflake_promoter_key_passphrase)

    def _key(self, file: Path | None, own: SecretStr) -> KeyFile:
        return KeyFile(file, own.get_secret_value() or self.snowflake_key_passphrase.get_secret_value())


class SlackSection(_Section):
    channels: tuple[str, ...] = ()  # channel ids where refreshes may be asked for; empty means none
    audit_channel: str = ""
    post_rows: Literal["top", "counts"] = "top"  # whether values leave the warehouse for Slack


class PolicySection(_Section):
    """Who may do what. Entries are user ids (U..., W...) or user group ids (S...). Empty means nobody."""

    requesters: tuple[str, ...] = ()
    approvers: tuple[str, ...] = ()
    four_eyes: bool = True
    quorum: int = Field(default=1, ge=1)
    model_policy: Literal["stricter", "replace"] = "stricter"  # what approvers and quorum in a model's YAML may do
    expires_after: Span = timedelta(hours=24)
    remind_every: Span = timedelta(hours=4)
    stale_poll: Span = timedelta(minutes=30)
    spot_check: Literal["required", "optional"] = "required"
    waive_unknown: bool = False  # may an approver waive a safety finding that could not be seen
    recovery: Literal["ask", "auto"] = "ask"
    hooks: Literal["refuse", "skip"] = "skip"  # hooks that write outside dev: left out and listed, or refused


_HELPER = re.compile(r"[A-Za-z0-9.+-]+::")  # `ext::sh -c ...` has git run a program of that name
_NO_BRANCH = re.compile(r"^[-/.]|[\s:*?\[\\^~]|\.\.|@\{|[/.]$")  # an option, a pattern, or no name


def _git_url(url: str) -> str:
    """As given. The sentence never repeats it, since it may hold a token."""
    if url.startswith("-") or _HELPER.match(url):
        raise ValueError("must be the URL or path of a git repository, not an option of git or a command (`ext::...`)")
    return url


def _git_branch(name: str) -> str:
    if not name or _NO_BRANCH.search(name):
        raise ValueError("must be the name of one branch, such as main")
    return name


class DbtSection(_Section):
    project_dir: Path  # with a repository: inside of it
    repository: Annotated[str, AfterValidator(_git_url)] = ""  # a git URL; empty: project_dir is read as it is
    branch: Annotated[str, AfterValidator(_git_branch)] = "main"  # of the repository, fetched before each refresh
    profiles_dir: Path | None = None  # default: project_dir
    profile: str = ""  # default: as dbt_project.yml says
    target: str = "dev"
    prod_target: str = "prod"
    state: str = ""  # production manifest: a directory or URL; empty: parse with the prod target's names
    date_var: str = "backfill_date"
    columns_var: str = "backfill_columns"
    dates_var: str = "refresh_dates"
    threads: int = 4
    build_timeout: Span = timedelta(hours=2)
    warm_mb: int = Field(default=1500, ge=0)  # how large the process that keeps the project parsed may be; 0: none
    run_as: str = ""  # the user of this machine that dbt runs as; empty: the bot's own
    env: dict[str, str] = {}  # the dbt child's variables; {user} is the asker's name in capitals


_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_$]*\Z")
# A name as people write it: folded by Snowflake's rule unless it is in double quotes.
Name = Annotated[
    str, BeforeValidator(lambda v: v.upper() if isinstance(v, str) and _PLAIN.match(v) else str(v).strip('"'))
]


class UserSection(_Section):
    user: str
    role: Name
    warehouse: str


class WarehouseSection(_Section):
    account: str
    host: str = ""  # only to reach something else than Snowflake's own address
    port: int = 443
    protocol: Literal["https", "http"] = "https"
    builder: UserSection
    promoter: UserSection
    prod_databases: tuple[Name, ...]
    backup_schema: Name = "REFRESH_BACKUPS"
    warehouses: tuple[str, ...] = ()  # allowed in warehouse=...
    statement_timeout: Span = timedelta(hours=1)
    history_lag: Span = timedelta(minutes=5)  # how late a statement may appear in the query history
    keep_backup: Span = timedelta(days=7)
    keep_dev: Span = timedelta(days=3)  # baseline and candidate, after the end


class WorkerSection(_Section):
    steps: int = Field(default=2, ge=1)
    builds_per_warehouse: int = Field(default=4, ge=1)  # at once, by all workers together
    lease: Span = timedelta(seconds=60)
    step_deadline: Span = timedelta(hours=3)
    sweep_seconds: float = Field(default=1.0, gt=0)
    retry_seconds: float = Field(default=1.0, gt=0)  # before what broke is tried again; twice as long each time
    data_dir: Path = Path("var")  # dbt targets, logs, the SQLite file


class ModelSection(_Section):
    """`[[models]]`: comparison settings by name pattern; the first matching pattern fills what meta leaves out."""

    match: str
    grain: tuple[str, ...] = ()
    date_column: str = ""
    metrics: tuple[str, ...] = ()
    sanity: dict[str, dict[str, float]] = {}
    outliers: dict[str, float] = {}
    tolerance: dict[str, dict[str, float]] = {}
    clock: tuple[str, ...] = ()
    spot_check: tuple[str, ...] = ()
    approvers: tuple[str, ...] = ()
    quorum: int | None = None


class Policy(_Section):
    """`refresh.toml` as a whole."""

    slack: SlackSection = SlackSection()
    policy: PolicySection = PolicySection()
    people: dict[str, str] = {}  # Slack id -> name, for {user} in [dbt.env]
    dbt: DbtSection
    warehouse: WarehouseSection
    worker: WorkerSection = WorkerSection()
    models: tuple[ModelSection, ...] = ()


class SettingsError(RefreshError):
    """`problems` names every setting that is wrong, one line each."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("Settings need attention:\n" + "\n".join(f"- {p}" for p in problems))
        self.problems = problems


class Settings(BaseModel):
    model_config = ConfigDict(frozen=True)

    secrets: Secrets
    slack: SlackSection
    policy: PolicySection
    people: dict[str, str]
    dbt: DbtSection
    warehouse: WarehouseSection
    worker: WorkerSection
    models: tuple[ModelSection, ...]

    @classmethod
    def load(cls, environ: dict[str, str] | None = None) -> Settings:
        """Read the environment and the TOML file it names. Raises SettingsError with every problem found."""
        problems: list[str] = []
        try:
            secrets = Secrets() if environ is None else Secrets(**_lowered(environ))
        except ValidationError as error:
            raise SettingsError([f"{str(e['loc'][0]).upper()}: {e['msg']}" for e in error.errors()]) from None
        policy = _read_policy(secrets.refresh_config, problems)
        if policy is None:
            raise SettingsError(problems)
        return cls(secrets=secrets, **{name: getattr(policy, name) for name in Policy.model_fields})

    @property
    def database_url(self) -> str:
        return self.secrets.database_url or f"sqlite:///{self.worker.data_dir / 'refresh.db'}"

    def for_model(self, name: str) -> ModelSection | None:
        """The first `[[models]]` entry whose pattern matches the dbt name."""
        return next((m for m in self.models if fnmatch.fnmatchcase(name.lower(), m.match.lower())), None)


def _lowered(environ: dict[str, str]) -> dict[str, Any]:
    return {k.lower(): v for k, v in environ.items() if k.lower() in Secrets.model_fields}


def _read_policy(path: Path, problems: list[str]) -> Policy | None:
    try:
        raw = tomllib.loads(path.read_text())
    except FileNotFoundError:
        problems.append(f"{path} does not exist: copy refresh.example.toml, or set REFRESH_CONFIG")
        return None
    except tomllib.TOMLDecodeError as error:
        problems.append(f"{path} is not valid TOML: {error}")
        return None
    base = path.resolve().parent
    beside = Path() if raw.get("dbt", {}).get("repository") else base  # else it is inside the repository
    try:
        policy = Policy(**raw)
    except ValidationError as error:
        problems += [f"{path.name} [{'.'.join(map(str, e['loc']))}]: {e['msg']}" for e in error.errors()]
        return None
    return policy.model_copy(
        update={
            "dbt": policy.dbt.model_copy(
                update={
                    "project_dir": beside / policy.dbt.project_dir,
                    "profiles_dir": beside / (policy.dbt.profiles_dir or policy.dbt.project_dir),
                }
            ),
            "worker": policy.worker.model_copy(update={"data_dir": base / policy.worker.data_dir}),
        }
    )


def scrubbed_environ() -> dict[str, str]:
    """What a child may inherit: enough to run, none of our secrets and none of dbt's own flags."""
    keep = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "TZ", "SYSTEMROOT", "SSL_CERT_FILE", "SSL_CERT_DIR")
    return {k: os.environ[k] for k in keep if k in os.environ}
