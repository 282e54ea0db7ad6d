"""A client's session and the login that makes it: password or key-pair JWT, role, warehouse, parameters."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
import threading
from dataclasses import dataclass, field
from typing import Any

import jwt
from cryptography.hazmat.primitives.serialization import load_der_public_key
from duckdb import DuckDBPyConnection

from .catalog import Account, Name, Relation, User
from .errors import SnowflakeError
from .rights import Access


@dataclass(slots=True, eq=False)
class Session:
    """What belongs to one connection: who, in which role, where, and its own DuckDB connection."""

    id: int
    user: str
    role: str
    account: Account
    duck: DuckDBPyConnection
    secondary: bool = False  # secondary roles ALL; False is NONE
    warehouse: str = ""
    database: str = ""
    schema: str = ""
    parameters: dict[str, str] = field(default_factory=dict)
    token: str = field(default_factory=lambda: secrets.token_urlsafe(32))
    last_query_id: str = ""
    temporary: dict[Name, Relation] = field(default_factory=dict)
    in_transaction: bool = False
    written: set[Name] = field(default_factory=set)  # what the open transaction has changed
    broken: bool = False  # the open transaction lost its writes to a failed statement; only ROLLBACK helps
    lock: threading.Lock = field(default_factory=threading.Lock)  # one statement at a time
    number: int = 0  # counts what needs a name of its own in this session

    @property
    def access(self) -> Access:
        return Access(self.account, self.role, self.account.user(self.user).roles if self.secondary else set())

    @property
    def tag(self) -> str:
        return self.parameters.get("QUERY_TAG", "")

    def find(self, name: Name) -> Relation | None:
        """The relation this session means: its own temporary object hides a lasting one."""
        return self.temporary.get(name) or self.account.relations.get(name)

    def next(self) -> int:
        self.number += 1
        return self.number


def authenticate(account: Account, data: dict[str, Any]) -> User:
    """The user a login request proves to be; raises 390100, 390144 or 394304 otherwise."""
    user = account.users.get(str(data.get("LOGIN_NAME") or "").upper())
    if data.get("AUTHENTICATOR") == "SNOWFLAKE_JWT":
        return _by_key(user, str(data.get("TOKEN") or ""))
    given = str(data.get("PASSWORD") or "")
    if user is None or not user.password or not hmac.compare_digest(user.password.encode(), given.encode()):
        raise SnowflakeError("390100", "08001", "Incorrect username or password was specified.")
    return user


def _by_key(user: User | None, token: str) -> User:
    for key in user.public_keys.values() if user else ():
        der = base64.b64decode(key)
        try:
            claims = jwt.decode(token, load_der_public_key(der), algorithms=["RS256", "ES256", "ES384", "ES512"])  # type: ignore[arg-type]
        except jwt.InvalidTokenError:
            continue
        print_ = "SHA256:" + base64.b64encode(hashlib.sha256(der).digest()).decode()
        assert user is not None
        if claims.get("sub") == f"SANDBOX.{user.name[0]}" and claims.get("iss") == f"SANDBOX.{user.name[0]}.{print_}":
            return user
    raise SnowflakeError("390144", "08001", f"JWT token is invalid. [{secrets.token_hex(8)}]")


def start(
    account: Account, duck: DuckDBPyConnection, number: int, data: dict[str, Any], query: dict[str, str]
) -> Session:
    """A session for the login request `data` and its URL parameters (databaseName, schemaName, warehouse, roleName)."""
    user = authenticate(account, data)
    role = _folded(query.get("roleName")) or user.default_role
    if role not in user.roles and role != "PUBLIC":
        raise SnowflakeError(
            "390189",
            "08001",
            f"Role '{role}' specified in the connect string is not granted to this user. "
            "Contact your local system admin, or attempt to login with another role, e.g. PUBLIC.",
        )
    parameters = {str(k).upper(): str(v) for k, v in (data.get("SESSION_PARAMETERS") or {}).items() if v is not None}
    session = Session(number, user.name[0], role, account, duck, user.secondary_roles, parameters=parameters)
    if asked := str(data.get("SECONDARY_ROLES") or "").upper():
        session.secondary = asked == "ALL"
    session.warehouse = _folded(query.get("warehouse")) or user.default_warehouse
    if not session.access.sees_warehouse(session.warehouse):
        session.warehouse = ""
    database, schema = _folded(query.get("databaseName")), _folded(query.get("schemaName"))
    if session.access.sees((database,)):
        session.database = database
        session.schema = schema if session.access.sees((database, schema)) else ""
        if not session.schema and session.access.sees((database, "PUBLIC")):
            session.schema = "PUBLIC"
    return session


def _folded(name: str | None) -> str:
    """A name given to the connector, folded as an identifier."""
    if not name:
        return ""
    return name[1:-1].replace('""', '"') if name.startswith('"') else name.upper()
