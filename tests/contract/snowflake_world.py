"""A small Snowflake with production, dev and the people of the story, for the contract tests of the sandbox.

`WAREHOUSE` (ETHEREUM) and the databases are set up by ADMIN; TRANSFORMER owns production; BUILDER reads it and owns dev.
"""

from __future__ import annotations

import base64

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from snowflake.connector.errors import Error

from sandbox.snowflake import Saved, SnowflakeSandbox

SCRIPT = """
CREATE WAREHOUSE ETHEREUM;
CREATE DATABASE PROD; CREATE SCHEMA PROD.CORE; CREATE SCHEMA PROD.BACKUPS;
CREATE DATABASE DEV;
CREATE ROLE TRANSFORMER; CREATE ROLE BUILDER; CREATE ROLE DASHBOARD;
CREATE USER PROMOTER TYPE = SERVICE RSA_PUBLIC_KEY = '<KEY>' DEFAULT_ROLE = TRANSFORMER DEFAULT_WAREHOUSE = ETHEREUM
  DEFAULT_SECONDARY_ROLES = ();
CREATE USER BUILDER TYPE = SERVICE RSA_PUBLIC_KEY = '<KEY>' DEFAULT_ROLE = BUILDER DEFAULT_WAREHOUSE = ETHEREUM
  DEFAULT_SECONDARY_ROLES = ();
CREATE USER DASH PASSWORD = 'dash' DEFAULT_ROLE = DASHBOARD DEFAULT_WAREHOUSE = ETHEREUM;
GRANT ROLE TRANSFORMER TO USER PROMOTER; GRANT ROLE BUILDER TO USER BUILDER; GRANT ROLE DASHBOARD TO USER DASH;
GRANT USAGE ON WAREHOUSE ETHEREUM TO ROLE TRANSFORMER; GRANT USAGE ON WAREHOUSE ETHEREUM TO ROLE BUILDER;
GRANT USAGE ON WAREHOUSE ETHEREUM TO ROLE DASHBOARD;
GRANT USAGE ON DATABASE PROD TO ROLE TRANSFORMER; GRANT OWNERSHIP ON SCHEMA PROD.CORE TO ROLE TRANSFORMER;
GRANT USAGE, CREATE TABLE ON SCHEMA PROD.BACKUPS TO ROLE TRANSFORMER;
GRANT USAGE ON DATABASE DEV TO ROLE TRANSFORMER;
GRANT USAGE, CREATE SCHEMA ON DATABASE DEV TO ROLE BUILDER;
GRANT USAGE ON DATABASE PROD TO ROLE BUILDER; GRANT USAGE ON ALL SCHEMAS IN DATABASE PROD TO ROLE BUILDER;
GRANT SELECT ON FUTURE TABLES IN DATABASE PROD TO ROLE BUILDER;
GRANT USAGE ON DATABASE PROD TO ROLE DASHBOARD; GRANT USAGE ON SCHEMA PROD.CORE TO ROLE DASHBOARD;
"""
AS_PROMOTER = """
CREATE TRANSIENT TABLE PROD.CORE.T AS SELECT SEQ4() AS ID, SEQ4() * 1.5 AS V, 'x'::VARCHAR(10) AS S FROM TABLE(GENERATOR(ROWCOUNT => 20));
CREATE TABLE PROD.CORE.LASTING (ID INT NOT NULL, NAME VARCHAR(30) DEFAULT 'nobody', PRICE NUMBER(20, 2));
INSERT INTO PROD.CORE.LASTING (ID, PRICE) VALUES (1, 1.25), (2, 2.5);
GRANT SELECT ON TABLE PROD.CORE.T TO ROLE DASHBOARD;
CREATE VIEW PROD.CORE.V AS SELECT ID, V FROM PROD.CORE.T;
GRANT SELECT ON VIEW PROD.CORE.V TO ROLE DASHBOARD
"""
AS_BUILDER = """
CREATE SCHEMA DEV.BOT WITH MANAGED ACCESS;
GRANT USAGE ON SCHEMA DEV.BOT TO ROLE TRANSFORMER;
GRANT SELECT ON FUTURE TABLES IN SCHEMA DEV.BOT TO ROLE TRANSFORMER;
CREATE TRANSIENT TABLE DEV.BOT.C CLONE PROD.CORE.T;
UPDATE DEV.BOT.C SET V = 7 WHERE ID = 3
"""


class Person:
    """One session: `run` gives rows, `refused` the error code of a statement that must fail."""

    def __init__(self, sandbox: SnowflakeSandbox, user: str, **login: object) -> None:
        self.connection = sandbox.connect(user, **login)  # type: ignore[arg-type]

    def run(self, sql: str, *binds: object) -> list[tuple[object, ...]]:
        with self.connection.cursor() as cursor:
            return cursor.execute(sql, binds or None).fetchall()  # type: ignore[union-attr,return-value]

    def value(self, sql: str) -> object:
        return self.run(sql)[0][0]

    def rows(self, sql: str) -> list[dict[str, object]]:
        with self.connection.cursor() as cursor:
            found = cursor.execute(sql).fetchall()  # type: ignore[union-attr]
            names = [column.name for column in cursor.description]
            return [dict(zip(names, row, strict=True)) for row in found]  # type: ignore[arg-type]

    def refused(self, sql: str) -> str:
        with pytest.raises(Error) as caught:
            self.run(sql)
        return f"{caught.value.errno:06d}"


class World:
    """The sandbox, the state every test starts from, and a session for each person while they are logged in."""

    def __init__(self) -> None:
        self.key = rsa.generate_private_key(65537, 2048)
        public = self.key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        self.der = self.key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
        self.sandbox = SnowflakeSandbox()
        self.sandbox.start()
        self.sandbox.run_script(SCRIPT, key=base64.b64encode(public).decode())
        self.log_in()
        for person, script in ((self.promoter, AS_PROMOTER), (self.builder, AS_BUILDER)):
            for statement in script.split(";"):
                person.run(statement)
        self.log_out()
        self.saved: Saved = self.sandbox.save()

    def person(self, user: str, **login: object) -> Person:
        return Person(self.sandbox, user, private_key=self.der, **login)

    def log_in(self) -> None:
        self.admin = Person(self.sandbox, "ADMIN", password="admin")
        self.promoter = self.person("PROMOTER")
        self.builder = self.person("BUILDER")
        self.dashboard = Person(self.sandbox, "DASH", password="dash")

    def log_out(self) -> None:
        for person in (self.admin, self.promoter, self.builder, self.dashboard):
            person.connection.close()

    def restore(self) -> None:
        self.sandbox.restore(self.saved)


def listed(world: World, table: str) -> dict[str, object]:
    database, schema, name = table.split(".")
    return world.admin.rows(f"SHOW TABLES LIKE '{name}' IN SCHEMA {database}.{schema}")[0]
