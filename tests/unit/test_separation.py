"""Which grants let whoever runs dbt write to production."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.model import Table
from bot.separation import container_grants, judge
from tests.refreshes import table

ROLES = ("BUILDER", "LOADER", "OTHERS", "PUBLIC", "TRANSFORMER")
READING = ("SELECT", "REFERENCES")
WRITING = ("INSERT", "UPDATE", "DELETE", "TRUNCATE", "EVOLVE SCHEMA", "SOMETHING NEW")


def prod(**values: object) -> Table:
    return replace(table(), **({"grants": (), "container_grants": ()} | values))  # type: ignore[arg-type]


@given(
    mine=st.frozensets(st.sampled_from(ROLES)),
    grants=st.lists(st.tuples(st.sampled_from(READING + WRITING), st.sampled_from(ROLES), st.booleans())),
)
def test_exactly_the_writing_grants_to_its_roles_and_to_everybody_are_wrong(
    mine: frozenset[str], grants: list[tuple[str, str, bool]]
) -> None:
    texts = tuple(f"{p} to ROLE {role}" + " with grant option" * option for p, role, option in grants)
    found = judge(prod(grants=texts, owner="NOBODY"), mine)
    wrong = {(p, role) for p, role, _ in grants if p in WRITING and role in mine | {"PUBLIC"}}
    assert {(right.privilege, right.role) for right in found.wrong} == wrong
    assert found.unseen == ()


@pytest.mark.parametrize("role", ["ACCOUNTADMIN", "SECURITYADMIN"])
def test_an_administrator_may_give_itself_every_right(role: str) -> None:
    assert [str(right) for right in judge(prod(), {"BUILDER", role}).wrong] == [
        f"MANAGE GRANTS on ACCOUNT to ROLE {role}"
    ]


@pytest.mark.parametrize(
    ("seen", "roles", "unseen"),
    [
        ({}, None, "the builder's roles"),
        ({"grants": None}, (), "grants on the table"),
        ({"container_grants": None}, (), "grants on its schema and database"),
        ({"grants": ("INSERT to DATABASE_ROLE LOADERS",)}, (), "database role LOADERS"),
    ],
)
def test_what_is_not_visible_is_said(seen: dict[str, object], roles: tuple[str, ...] | None, unseen: str) -> None:
    found = judge(prod(**seen), roles)
    assert (found.wrong, found.unseen) == ((), (unseen,))


def test_what_is_wrong_for_everybody_is_seen_without_knowing_the_roles() -> None:
    assert judge(prod(grants=("INSERT to ROLE PUBLIC",)), None).wrong


def test_rights_on_a_schema_that_change_no_table_in_it_are_left_out() -> None:
    rows = [
        {"privilege": privilege, "granted_to": "ROLE", "grantee_name": "BUILDER"}
        for privilege in ("USAGE", "CREATE TABLE", "MONITOR", "MODIFY", "OWNERSHIP")
    ]
    assert container_grants("SCHEMA", "A.B", rows) == (
        "MODIFY on SCHEMA A.B to ROLE BUILDER",
        "OWNERSHIP on SCHEMA A.B to ROLE BUILDER",
    )
    assert container_grants("ACCOUNT", "", [rows[0], rows[0] | {"privilege": "MANAGE GRANTS"}]) == (
        "MANAGE GRANTS on ACCOUNT to ROLE BUILDER",
    )
