"""Who may do what: default deny, an owner per object, grants, inherited and secondary roles."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property

from .catalog import Account, Database, Name, Relation, Schema, Securable, Warehouse, dotted
from .errors import impossible, insufficient, missing


class Access:
    """The rights of one role at one moment. Creating takes them from the primary role only, the rest from all."""

    def __init__(self, account: Account, role: str, secondary: Iterable[str] = ()) -> None:
        self.account = account
        self.role = role
        self._secondary = secondary

    @cached_property
    def primary(self) -> frozenset[str]:
        return self.account.closure({self.role})

    @cached_property
    def roles(self) -> frozenset[str]:
        return self.account.closure({self.role, *self._secondary})

    def owns(self, item: Securable, *, primary: bool = False) -> bool:
        roles = self.primary if primary else self.roles
        return "ACCOUNTADMIN" in roles or item.owner in roles

    def has(self, item: Securable, *privileges: str, primary: bool = False) -> bool:
        """Ownership, or any of these privileges; none named means: any privilege at all."""
        roles = self.primary if primary else self.roles
        return self.owns(item, primary=primary) or any(
            g.role in roles and (not privileges or g.privilege in privileges) for g in item.grants
        )

    # Containers ---------------------------------------------------------------------------------------------------

    def sees(self, scope: tuple[str, ...]) -> bool:
        """The database, or the schema and its database, may be named by this role."""
        item = self.account.databases.get(scope[0])
        if item is None or not self.has(item):
            return False
        return len(scope) == 1 or scope[1] == "INFORMATION_SCHEMA" or self._sees_schema(scope[0], scope[1])

    def _sees_schema(self, database: str, schema: str) -> bool:
        item = self.account.schemas.get((database, schema))
        return item is not None and self.has(item)

    def database(self, name: str) -> Database:
        item = self.account.databases.get(name)
        if item is None or not self.has(item):
            raise missing("Database", name)
        return item

    def schema(self, database: str, name: str) -> Schema:
        """A schema whose objects this role may name: any privilege on it and on its database."""
        self.database(database)
        item = self.account.schemas.get((database, name))
        if item is None or not self.has(item):
            raise missing("Schema", f"{database}.{name}")
        return item

    def scope(self, *parts: str) -> tuple[str, ...]:
        """What stands after IN in SHOW or after USE, checked; raises 002043."""
        if not self.sees(parts):
            raise impossible()
        return parts

    def create_in(self, database: str, schema: str, kind: str) -> Schema:
        """The schema, if the primary role may create a TABLE or VIEW in it."""
        item = self.schema(database, schema)
        if not self.has(item, f"CREATE {kind}", "ALL", primary=True):
            raise insufficient("SCHEMA", schema)
        return item

    def on_account(self, privilege: str, *, primary: bool = True) -> bool:
        return self.has(self.account.itself, privilege, primary=primary)

    # Relations ----------------------------------------------------------------------------------------------------

    def shows(self, relation: Relation) -> bool:
        """SHOW and INFORMATION_SCHEMA list it for this role."""
        return self.sees(relation.name[:2]) and self.has(relation)

    def relation(self, relation: Relation | None, name: Name, *privileges: str, own: bool = False) -> Relation:
        """The relation, if this role has one of the privileges on it (`own`: only ownership will do)."""
        self.schema(name[0], name[1])
        if relation is None:
            raise missing("Object", dotted(name))
        if relation.session is not None:
            return relation
        if not self.has(relation):
            raise missing("Object", dotted(name))
        if not (self.owns(relation) if own else self.has(relation, *privileges)):
            raise insufficient(relation.kind, relation.name[2])
        return relation

    # Account objects ----------------------------------------------------------------------------------------------

    def sees_warehouse(self, name: str) -> bool:
        item = self.account.warehouses.get(name)
        return item is not None and self.has(item, "USAGE")

    def warehouse(self, name: str) -> Warehouse:
        if not self.sees_warehouse(name):
            raise impossible()
        return self.account.warehouses[name]

    def may_grant(self, item: Securable) -> bool:
        """Owner, or MANAGE GRANTS; in a managed access schema its owner instead of the object's."""
        if self.on_account("MANAGE GRANTS", primary=False):
            return True
        if isinstance(item, Relation):
            schema = self.account.schemas[item.name[:2]]
            if schema.managed:
                return self.owns(schema)
        return self.owns(item)
