"""A small Snowflake world for the contract tests: one production database, both service users, their keys."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from pydantic import SecretStr

from bot.model import Relation
from bot.settings import (
    DbtSection,
    PolicySection,
    Secrets,
    Settings,
    SlackSection,
    UserSection,
    WarehouseSection,
    WorkerSection,
)
from bot.warehouse import Warehouse
from sandbox.slack import SlackSandbox
from sandbox.snowflake import SnowflakeSandbox

ORDERS = Relation("SHOP", "PROD", "ORDERS")
FOREVER = Relation("SHOP", "PROD", "FOREVER")
DEV = Relation("DEV", "DEV_REFRESH_BOT", "ORDERS")

_WORLD = """
CREATE WAREHOUSE WH;
CREATE ROLE TRANSFORMER;
CREATE ROLE BI;
CREATE ROLE REFRESH_BUILDER;
CREATE USER REFRESH_BUILDER_SVC TYPE = SERVICE RSA_PUBLIC_KEY = '<BUILDER>' DEFAULT_ROLE = REFRESH_BUILDER
  DEFAULT_SECONDARY_ROLES = ();
CREATE USER REFRESH_PROMOTER_SVC TYPE = SERVICE RSA_PUBLIC_KEY = '<PROMOTER>' DEFAULT_ROLE = TRANSFORMER
  DEFAULT_SECONDARY_ROLES = ();
GRANT ROLE REFRESH_BUILDER TO USER REFRESH_BUILDER_SVC;
GRANT ROLE TRANSFORMER TO USER REFRESH_PROMOTER_SVC;
GRANT USAGE ON WAREHOUSE WH TO ROLE TRANSFORMER;
GRANT USAGE ON WAREHOUSE WH TO ROLE REFRESH_BUILDER;
GRANT APPLY MASKING POLICY, APPLY ROW ACCESS POLICY ON ACCOUNT TO ROLE TRANSFORMER;
GRANT APPLY AGGREGATION POLICY, APPLY JOIN POLICY, APPLY PROJECTION POLICY, APPLY STORAGE LIFECYCLE POLICY ON ACCOUNT TO ROLE TRANSFORMER;
CREATE DATABASE DEV;
CREATE DATABASE SHOP;
CREATE SCHEMA SHOP.PROD;
CREATE SCHEMA SHOP.BACKUPS;
GRANT USAGE, CREATE SCHEMA ON DATABASE DEV TO ROLE REFRESH_BUILDER;
GRANT USAGE ON DATABASE DEV TO ROLE TRANSFORMER;
GRANT USAGE ON DATABASE SHOP TO ROLE TRANSFORMER;
GRANT USAGE, CREATE TABLE, CREATE VIEW ON SCHEMA SHOP.PROD TO ROLE TRANSFORMER;
GRANT USAGE, CREATE TABLE ON SCHEMA SHOP.BACKUPS TO ROLE TRANSFORMER;
GRANT USAGE ON DATABASE SHOP TO ROLE REFRESH_BUILDER;
GRANT USAGE ON SCHEMA SHOP.PROD TO ROLE REFRESH_BUILDER;
GRANT SELECT ON FUTURE TABLES IN SCHEMA SHOP.PROD TO ROLE REFRESH_BUILDER;
GRANT SELECT ON FUTURE TABLES IN SCHEMA SHOP.PROD TO ROLE BI;
CREATE USER NIGHTLY PASSWORD = 'nightly' DEFAULT_ROLE = TRANSFORMER DEFAULT_WAREHOUSE = WH DEFAULT_SECONDARY_ROLES = ();
GRANT ROLE TRANSFORMER TO USER NIGHTLY;
"""


class World:
    """The running sandbox, settings that point at it, and SQL as the nightly run (the owner of production)."""

    def __init__(self, sandbox: SnowflakeSandbox, keys: Path) -> None:
        self.sandbox = sandbox
        self.settings = settings(sandbox, keys)
        self.warehouse = Warehouse(self.settings, "test1234")

    def asks(self, slack: SlackSandbox) -> None:
        """People are looked up in this Slack, where some of them may approve."""
        secrets = {"slack_bot_token": SecretStr(slack.bot_token), "slack_api_url": slack.api_url}
        more = {
            "secrets": self.settings.secrets.model_copy(update=secrets),
            "policy": PolicySection(approvers=("S0DATA",)),
        }
        self.settings = self.settings.model_copy(update=more)

    def nightly(self, *statements: str) -> None:
        self._run(self.sandbox.connect("NIGHTLY", "nightly"), statements)

    def admin(self, *statements: str) -> None:
        self._run(self.sandbox.admin(), statements)

    @staticmethod
    def _run(connection, statements: tuple[str, ...]) -> None:
        try:
            for statement in statements:
                connection.cursor().execute(statement)
        finally:
            connection.close()


@contextmanager
def world(keys: Path) -> Iterator[World]:
    sandbox = SnowflakeSandbox()
    sandbox.start()
    try:
        names = {}
        for name in ("builder", "promoter"):
            pem, public = _pair(name)
            (keys / f"{name}.pem").write_bytes(pem)
            names[name] = public
        sandbox.run_script(_WORLD, **names)
        yield World(sandbox, keys)
    finally:
        sandbox.stop()


@contextmanager
def shop_world(keys: Path) -> Iterator[World]:
    """With `ORDERS`, which is transient, `FOREVER`, which is not, and views."""
    with world(keys) as made:
        made.nightly(
            "CREATE TRANSIENT TABLE SHOP.PROD.ORDERS (DAY DATE NOT NULL, AMOUNT NUMBER(38,2), NOTE VARCHAR(40) COMMENT 'free text')",
            "INSERT INTO SHOP.PROD.ORDERS VALUES ('2026-04-07', 1.50, 'a'), ('2026-04-08', 2.25, NULL)",
            "CREATE TRANSIENT TABLE SHOP.PROD.ORDERS_X AS SELECT 1 AS A",  # what LIKE 'ORDERS_' might meet
            "CREATE TABLE SHOP.PROD.FOREVER AS SELECT 1 AS A",
            "CREATE VIEW SHOP.PROD.READS_IT AS SELECT DAY, AMOUNT FROM SHOP.PROD.ORDERS",
            "CREATE VIEW SHOP.PROD.READS_ANOTHER AS SELECT A FROM SHOP.PROD.ORDERS_X",
        )
        yield made


def made_dev(shop: World) -> None:
    with shop.warehouse.builder("t") as session:
        session.ensure_dev_schema(DEV, "TRANSFORMER")


def settings(sandbox: SnowflakeSandbox, keys: Path) -> Settings:
    return Settings(
        secrets=Secrets(
            snowflake_builder_key_file=keys / "builder.pem", snowflake_promoter_key_file=keys / "promoter.pem"
        ),
        slack=SlackSection(),
        policy=PolicySection(),
        people={},
        dbt=DbtSection(project_dir=Path(".")),
        warehouse=WarehouseSection(
            account="sandbox",
            host=sandbox.host,
            port=sandbox.port,
            protocol="http",
            builder=UserSection(user="REFRESH_BUILDER_SVC", role="REFRESH_BUILDER", warehouse="WH"),
            promoter=UserSection(user="REFRESH_PROMOTER_SVC", role="TRANSFORMER", warehouse="WH"),
            prod_databases=("SHOP",),
            backup_schema="BACKUPS",
        ),
        worker=WorkerSection(),
        models=(),
    )


@cache
def _pair(name: str) -> tuple[bytes, str]:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    public = key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    return pem, "".join(public.decode().splitlines()[1:-1])
