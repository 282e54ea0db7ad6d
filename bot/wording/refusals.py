"""Why a refresh will not be done, each with the way out; said privately before any card is posted."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from datetime import date

from bot.model import Relation, Right
from bot.wording.requests import command
from bot.wording.tables import column
from bot.wording.text import code, day, listed


def _codes(names: Sequence[str], most: int = 8) -> str:
    shown = [code(name) for name in names[:most]]
    rest = len(names) - len(shown)
    return listed([*shown, f"{rest} more"] if rest else shown, most=most + 1)


# -- known from the project alone -----------------------------------------------------------------------------------


def disabled(name: str) -> str:
    return f"{code(name)} is disabled in dbt, so nothing would be built: enable it, let production build it once, ask again."


def python_model(name: str) -> str:
    return f"{code(name)} is a Python model, which I cannot build and compare safely: rerun it by hand."


def view(name: str, parents: Sequence[str]) -> str:
    instead = f" Refresh what it reads: {_codes(parents)}." if parents else ""
    return f"{code(name)} is a view: it holds no rows of its own and shows new data at once.{instead}"


def ephemeral(name: str, children: Sequence[str]) -> str:
    instead = f" Refresh what is built from it: {_codes(children)}." if children else ""
    return f"{code(name)} is ephemeral: it is a part of other models' SQL and has no table.{instead}"


def seed(name: str) -> str:
    return f"{code(name)} is a seed: its rows are a file of the project, so correct the file and deploy it."


def snapshot(name: str) -> str:
    return f"{code(name)} is a snapshot: its history cannot be built again; repair it by hand."


def other_materialization(name: str, materialized: str) -> str:
    return (
        f"{code(name)} is materialized as {code(materialized)}; only `table` and `incremental` models can be refreshed."
    )


def nowhere(name: str) -> str:
    return (
        f"{code(name)} has no table in the production manifest: deploy it first; a first deployment is not a refresh."
    )


def outside(name: str, prod: Relation, databases: Sequence[str]) -> str:
    return (
        f"{code(name)} lives in {code(prod)}, and only {_codes(databases)} may be refreshed: "
        f"an operator can add {code(prod.database)} to `prod_databases` in refresh.toml."
    )


def same_relation(name: str, prod: Relation) -> str:
    return (
        f"dbt would build {code(name)} right in production ({code(prod)}) with the dev target: "
        "repair the project's name macros or `[dbt.env]` first."
    )


def dev_is_production(name: str, dev: Relation, other: str) -> str:
    return (
        f"The dev table of {code(name)} would be {code(dev)}, which is the production table of {code(other)}: "
        "repair the project's name macros or `[dbt.env]` first."
    )


def warehouse(typed: str, allowed: Sequence[str]) -> str:
    if not allowed:
        return "No other warehouse may be chosen here: leave `warehouse=` out."
    return f"{code(typed)} is not a warehouse I may use: write {listed(map(code, allowed), 'or')}, or leave `warehouse=` out."


def full_refresh_off(name: str, date_var: str, backfill: str) -> str:
    text = f"{code(name)} sets `full_refresh: false`, so dbt would ignore a full refresh."
    if backfill:
        return f"{text} It honours {code(date_var)}: {command(backfill)}."
    return f"{text} Change that line in the model first, or repair the rows with a targeted `UPDATE` by hand."


def backfill_of_table(name: str, instead: str) -> str:
    return f"{code(name)} is a `table`: dbt builds it whole each time, so a backfill is a full refresh: {command(instead)}."


def no_unique_key(name: str, instead: str) -> str:
    return (
        f"{code(name)} has no `unique_key`: a backfill would add its rows a second time. "
        f"What works: {_full_refresh(instead)}."
    )


def ignores_date(name: str, date_var: str, instead: str) -> str:
    return (
        f"{code(name)} never reads {code(date_var)}: a backfill would be an ordinary incremental run and repair nothing. "
        f"What works: {_full_refresh(instead)}."
    )


def _full_refresh(instead: str) -> str:
    if instead:
        return f"a full refresh, {command(instead)}"
    return "a targeted `UPDATE` by hand, or a change of the model's code"


def ignores_columns(name: str, columns_var: str, instead: str) -> str:
    return (
        f"{code(name)} never reads {code(columns_var)}: the backfill would write every column, not only the ones named. "
        f"Without `columns=` that is said openly: {command(instead)}."
    )


# -- known from the warehouse ---------------------------------------------------------------------------------------


def not_in_prod(name: str, prod: Relation) -> str:
    return (
        f"{code(prod)} does not exist yet, or I may not see it: a first deployment of {code(name)} is not a refresh. "
        "If it exists, grant the builder SELECT on it (`dbt-refresh grants`)."
    )


def wrong_kind(prod: Relation, kind: str) -> str:
    article = "an" if kind[0] in "AEIOUaeiou" else "a"
    return f"{code(prod)} is {article} {kind}; only permanent and transient tables can be replaced by a clone."


def other_owner(prod: Relation, owner: str, role: str) -> str:
    return (
        f"{code(prod)} belongs to role {code(owner)}, and I promote as {code(role)}: the table would change hands. "
        f"Give it to {code(role)}, or let an operator set `[warehouse.promoter] role`."
    )


def builder_may_write(prod: Relation, builder: str, rights: Sequence[Right]) -> str:
    """Names every grant that lets dbt write to production, with the statement that takes it away."""
    revokes = " ".join(code(_revoke(right)) for right in rights[:5])
    more = f" and {len(rights) - 5} more" if len(rights) > 5 else ""
    return (
        f"dbt builds as {code(builder)}, which may write to {code(prod)}, so nothing was started. "
        f"Run {revokes}{more}, or take the role from {code(builder)} and its user; then ask again."
    )


def _revoke(right: Right) -> str:
    if right.privilege == "OWNERSHIP":
        return f"GRANT OWNERSHIP ON {right.on} TO ROLE … COPY CURRENT GRANTS;"
    if right.on == "ACCOUNT" and right.role in ("ACCOUNTADMIN", "SECURITYADMIN"):
        return f"REVOKE ROLE {right.role} FROM USER …;"
    return f"REVOKE {right.privilege} ON {right.on} FROM ROLE {right.role};"


def dev_owner(dev: Relation, owner: str, role: str) -> str:
    return f"{code(dev)} belongs to role {code(owner)}, not to {code(role)}: drop it or rename it, then ask again."


def dev_schema_owner(dev: Relation, owner: str, role: str) -> str:
    schema = f"{dev.database}.{dev.schema}"
    return (
        f"The dev schema {code(schema)} belongs to role {code(owner)}: I build only in schemas that {code(role)} made. "
        "Choose another one in `[dbt.env]`, or drop it."
    )


def transient_schema(dev: Relation, prod: Relation) -> str:
    schema = f"{dev.database}.{dev.schema}"
    return (
        f"{code(prod)} is permanent and the dev schema {code(schema)} is transient: nothing built there can ever be cloned "
        "into it. Use a permanent dev schema."
    )


def transient_model(name: str, prod: Relation) -> str:
    return (
        f"{code(prod)} is permanent, and dbt would build {code(name)} transient, which can never be cloned into it: "
        "set `transient: false` in the model, as production has it."
    )


def unknown_columns(name: str, columns: Sequence[str], there: Sequence[str]) -> str:
    """The nearest names first: a wide table's list would hide them."""
    known = [column(c) for c in there]
    near = [m for c in columns for m in difflib.get_close_matches(column(c), known, n=1)]
    meant = f" Did you mean {_codes(list(dict.fromkeys(near)))}?" if near else ""
    are = "are not columns" if len(columns) > 1 else "is not a column"
    return f"{_codes(columns)} {are} of {code(name)}.{meant} Its columns are {_codes(known, 30)}."


def unknown_setting_columns(name: str, setting: str, columns: Sequence[str]) -> str:
    return (
        f"`{setting}` in the refresh settings of {code(name)} names {_codes(columns)}, which its table does not have: "
        "correct the model's `config.meta.refresh`, or `[[models]]` in refresh.toml."
    )


def setting_not_a_number(name: str, setting: str, value: object) -> str:
    return f"`{setting}` in the refresh settings of {code(name)} must be a number, not {code(value)}."


def setting_shape(name: str, setting: str) -> str:
    return (
        f"`{setting}` in the refresh settings of {code(name)} has the wrong shape: the settings page shows an example."
    )


# -- known from the compiled SQL --------------------------------------------------------------------------------------


def same_sql(name: str, date_var: str, since: date, instead: str) -> str:
    return (
        f"{code(name)} compiles to the same SQL with {code(f'{date_var} = {day(since)}')} and without it: "
        f"a backfill would repair nothing. What works: {_full_refresh(instead)}."
    )


def columns_do_not_arrive(name: str, missing: Sequence[str], instead: str) -> str:
    return (
        f"{_codes(missing)} would not arrive in `merge_update_columns` of {code(name)}, so dbt would write other columns "
        f"than the ones named. Without `columns=` all are written: {command(instead)}."
    )


def reads_elsewhere(name: str, reads: Sequence[Relation]) -> str:
    return (
        f"{code(name)} would read {_codes([str(r) for r in reads])}: neither production's tables nor declared sources. "
        "Declare them as sources; where it is a dev table, the project's own `ref` overrides dbt's: repair it."
    )


def foreign_hook(name: str, hook: str, outside: Sequence[str] | None) -> str:
    """`outside` is what the hook would write; None: nobody can tell before it runs."""
    short = hook if len(hook) <= 120 else hook[:119] + "…"
    does = f"would write to {_codes(outside)}" if outside else "may write anywhere"
    return (
        f"A hook that runs with {code(name)} {does}, and a build may only write to dev: {code(short)}. "
        'Write it with `this`, or let an operator set `hooks = "skip"` in `[policy]`.'
    )


def spot_check_reads(spot_check: str, reads: Sequence[Relation]) -> str:
    return (
        f"The spot check {code(spot_check)} reads {_codes([str(r) for r in reads])}: it must compare with the source, "
        "not with the refreshed model or anything in dev."
    )
