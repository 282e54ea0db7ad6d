"""Who runs dbt must not write to production: its grants against every role that the builder's user may take; pure."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from bot.model import Right, Table

_READING = frozenset({"SELECT", "REFERENCES", "USAGE", "MONITOR"})
_ADMINISTRATORS = frozenset({"ACCOUNTADMIN", "SECURITYADMIN"})  # MANAGE GRANTS: they give themselves any right
_OPTION = " with grant option"


@dataclass(frozen=True, slots=True, kw_only=True)
class Separation:
    """`wrong` are rights that the builder must not have; `unseen` says of what that is not known."""

    wrong: tuple[Right, ...] = ()
    unseen: tuple[str, ...] = ()


def judge(prod: Table, roles: Collection[str] | None) -> Separation:
    """Compare all that may change `prod` with the `roles` that the builder may take, inherited ones and PUBLIC included.

    None, for the roles or for a list of grants, means: not visible.
    """
    unseen = [what for what, seen in _sources(prod, roles) if seen is None]
    mine = set(roles or ()) | {"PUBLIC"}
    rights = _rights(prod)
    wrong = [right for right, kind in rights if kind == "ROLE" and right.role in mine]
    wrong += [Right(privilege="MANAGE GRANTS", on="ACCOUNT", role=role) for role in mine & _ADMINISTRATORS]
    unseen += sorted({f"database role {right.role}" for right, kind in rights if kind == "DATABASE_ROLE"})
    return Separation(wrong=tuple(sorted(set(wrong))), unseen=tuple(unseen))


def container_grants(kind: str, name: str, rows: Collection[dict[str, object]]) -> tuple[str, ...]:
    """`OWNERSHIP on SCHEMA A.B to ROLE X` of the rows of SHOW GRANTS ON; what only makes something new is left out."""
    return tuple(
        sorted(
            f"{row['privilege']} on {f'{kind} {name}'.strip()} to {row['granted_to']} {row['grantee_name']}"
            for row in rows
            if _changes(kind, str(row["privilege"]))
        )
    )


def _changes(kind: str, privilege: str) -> bool:
    if kind == "ACCOUNT":
        return privilege == "MANAGE GRANTS"
    return privilege not in _READING and not privilege.startswith("CREATE ")


def _sources(prod: Table, roles: Collection[str] | None) -> list[tuple[str, object]]:
    return [
        ("the builder's roles", roles),
        ("grants on the table", prod.grants),
        ("grants on its schema and database", prod.container_grants),
    ]


def _rights(prod: Table) -> list[tuple[Right, str]]:
    """Every right to change the table, with the kind of its grantee."""
    own = f"TABLE {prod.relation}"
    found = [(Right(privilege="OWNERSHIP", on=own, role=prod.owner), "ROLE")] if prod.owner else []
    for text in prod.grants or ():
        privilege, _, grantee = text.removesuffix(_OPTION).partition(" to ")
        kind, _, role = grantee.partition(" ")
        if privilege not in _READING:
            found.append((Right(privilege=privilege, on=own, role=role), kind))
    for text in prod.container_grants or ():
        held, _, grantee = text.rpartition(" to ")
        privilege, _, on = held.partition(" on ")
        kind, _, role = grantee.partition(" ")
        found.append((Right(privilege=privilege, on=on, role=role), kind))
    return found
