"""Whether a request makes sense, and how its result is compared: from the index, the warehouse's facts, compiled SQL; pure.

Three looks, cheapest first, each raising `Refusal` with the way out: `refuse` (the index alone), `refuse_table`
(production as it is), `refuse_compiled` (what dbt would really run).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import replace
from datetime import date

from bot import separation, write_targets
from bot.commands import write
from bot.compiled import Compiled
from bot.errors import Refusal
from bot.index import REFRESHABLE, Entry, Index
from bot.model import Kind, Mode, Relation, Request, Table
from bot.readers import exposures, readers, siblings
from bot.rules import rules, spot_checks
from bot.settings import Settings
from bot.wording import refusals as say
from bot.wording.requests import in_the_future

__all__ = [
    "ANY_USER",
    "code_in_prod",
    "dev_relation",
    "exposures",
    "foreign_hooks",
    "kept_clocks",
    "production_places",
    "readers",
    "refuse",
    "refuse_compiled",
    "refuse_table",
    "rules",
    "siblings",
    "spot_checks",
    "variables",
]

# Stands for {user} of `[dbt.env]` while the project is indexed: whose dev schema it will be is known when somebody asks.
ANY_USER = "REFRESH_ANY_USER"

_TABLES = (Kind.PERMANENT, Kind.TRANSIENT)


def dev_relation(entry: Entry, user: str) -> Relation | None:
    """Where the model is built for this person; the same for everybody unless `[dbt.env]` uses {user}."""
    if entry.dev is None:
        return None
    parts = (entry.dev.database, entry.dev.schema, entry.dev.name)
    return Relation(*(part.replace(ANY_USER, user) for part in parts))


def variables(entry: Entry, request: Request, settings: Settings) -> dict[str, object]:
    """The vars dbt gets. An empty list of columns would mean all of them, so it is left out.

    Where `full_refresh` is itself written as a var, a full refresh sets that var: the project's own way to allow it.
    """
    dbt = settings.dbt
    given: dict[str, object] = {}
    if request.mode is Mode.BACKFILL and request.since:
        given[dbt.date_var] = request.since.isoformat()
        if request.columns:
            given[dbt.columns_var] = list(request.columns)
    elif entry.materialized == "incremental" and entry.full_refresh is False and entry.full_refresh_var:
        given[entry.full_refresh_var] = True
    if request.dates:
        given[dbt.dates_var] = [day.isoformat() for day in request.dates]
    return given


def kept_clocks(entry: Entry, request: Request, clocks: Iterable[str]) -> tuple[str, ...]:
    """Columns that say when a row was written and that `columns=` leaves out, although an ordinary run writes them."""
    if not request.columns:
        return ()
    left = {name.upper() for name in (*request.columns, *entry.exclude_columns)}
    return tuple(name for name in clocks if name.upper() not in left)


def code_in_prod(entry: Entry) -> bool | None:
    """Whether production was built from this code; None where no deployed manifest says so."""
    return entry.checksum == entry.prod_checksum if entry.checksum and entry.prod_checksum else None


def refuse(entry: Entry, request: Request, index: Index, settings: Settings, today: date) -> None:
    """Raise Refusal for everything that the index alone tells (design section 2.2)."""
    _refuse_model(entry, index)
    _refuse_places(entry, index, settings)
    allowed = {name.upper(): name for name in settings.warehouse.warehouses}
    if request.warehouse and request.warehouse.upper() not in allowed:
        raise Refusal(say.warehouse(request.warehouse, list(allowed.values())))
    for day in (*request.at, *((request.since,) if request.since else ())):
        if day > today:
            raise Refusal(in_the_future(day, today))
    if request.mode is Mode.BACKFILL:
        _refuse_backfill(entry, request, settings)
    else:
        _refuse_full_refresh(entry, request, settings)


def _refuse_model(entry: Entry, index: Index) -> None:
    name = entry.name
    if not entry.enabled:
        raise Refusal(say.disabled(name))
    if entry.language != "sql":
        raise Refusal(say.python_model(name))
    if entry.materialized in REFRESHABLE:
        return
    match entry.materialized:
        case "view":
            parents = [p.name for uid in entry.parents if (p := index.by_id.get(uid)) and p.materialized in REFRESHABLE]
            raise Refusal(say.view(name, parents), offers=tuple(parents[:1]) if len(parents) == 1 else ())
        case "ephemeral":
            raise Refusal(say.ephemeral(name, [index.by_id[uid].name for uid in entry.children if uid in index.by_id]))
        case "seed":
            raise Refusal(say.seed(name))
        case "snapshot":
            raise Refusal(say.snapshot(name))
        case other:
            raise Refusal(say.other_materialization(name, other))


def _refuse_places(entry: Entry, index: Index, settings: Settings) -> None:
    databases = settings.warehouse.prod_databases
    if entry.prod is None or entry.dev is None:
        raise Refusal(say.nowhere(entry.name))
    if entry.prod.database not in set(databases):
        raise Refusal(say.outside(entry.name, entry.prod, databases))
    if entry.prod == entry.dev:
        raise Refusal(say.same_relation(entry.name, entry.prod))
    if entry.dev in index.relations:
        raise Refusal(say.dev_is_production(entry.name, entry.dev, index.relations[entry.dev]))


def _refuse_full_refresh(entry: Entry, request: Request, settings: Settings) -> None:
    literal = entry.full_refresh is False and not entry.full_refresh_var
    if entry.materialized != "incremental" or not literal:
        return
    honours = entry.reads_date and bool(entry.unique_key)
    since = min(request.at, default=None)
    if honours and since is None:  # from which day on is the asker's to say
        raise Refusal(say.full_refresh_off(entry.name, settings.dbt.date_var, f"{entry.name} backfill <date>"))
    at = () if request.at == (since,) else request.at  # a backfill's date is the wrong one unless others are named
    backfill = replace(request, model=entry.name, mode=Mode.BACKFILL, since=since, at=at) if honours else None
    raise Refusal(say.full_refresh_off(entry.name, settings.dbt.date_var, _text(backfill)), offers=_offer(backfill))


def _refuse_backfill(entry: Entry, request: Request, settings: Settings) -> None:
    name, instead = entry.name, _full_refresh_instead(entry, request)
    if entry.materialized == "table":
        raise Refusal(say.backfill_of_table(name, _text(instead)), offers=_offer(instead))
    if not entry.unique_key:
        raise Refusal(say.no_unique_key(name, _text(instead)), offers=_offer(instead))
    if not entry.reads_date:
        raise Refusal(say.ignores_date(name, settings.dbt.date_var, _text(instead)), offers=_offer(instead))
    if request.columns and not entry.reads_columns:
        without = _without_columns(entry, request)
        raise Refusal(say.ignores_columns(name, settings.dbt.columns_var, _text(without)), offers=_offer(without))


def refuse_table(
    entry: Entry,
    request: Request,
    prod: Table | None,
    settings: Settings,
    *,
    dev: Relation,
    dev_owner: str = "",
    dev_schema_owner: str = "",
    dev_schema_transient: bool = False,
    builder_roles: Collection[str] | None = None,
) -> None:
    """Raise Refusal for what the warehouse tells: `prod` is None, owners in dev are "" when not there.

    `builder_roles` are all that the builder may take. Where they or the grants are not visible, `safety` says so later.
    """
    if prod is None:
        assert entry.prod is not None
        raise Refusal(say.not_in_prod(entry.name, entry.prod))
    builder, promoter = settings.warehouse.builder.role, settings.warehouse.promoter.role
    if prod.kind not in _TABLES:
        raise Refusal(say.wrong_kind(prod.relation, prod.kind))
    if prod.owner != promoter:
        raise Refusal(say.other_owner(prod.relation, prod.owner, promoter))
    if wrong := separation.judge(prod, builder_roles).wrong:
        raise Refusal(say.builder_may_write(prod.relation, builder, wrong))
    if dev_schema_owner and dev_schema_owner != builder:
        raise Refusal(say.dev_schema_owner(dev, dev_schema_owner, builder))
    if dev_owner and dev_owner != builder:
        raise Refusal(say.dev_owner(dev, dev_owner, builder))
    if prod.kind is Kind.PERMANENT:
        if dev_schema_transient:
            raise Refusal(say.transient_schema(dev, prod.relation))
        if request.mode is Mode.FULL_REFRESH and entry.transient is not False:
            raise Refusal(say.transient_model(entry.name, prod.relation))
    there = {column.name.upper() for column in prod.columns}
    if unknown := [column for column in request.columns if column.upper() not in there]:
        raise Refusal(say.unknown_columns(entry.name, unknown, [column.name for column in prod.columns]))


def refuse_compiled(
    entry: Entry, request: Request, compiled: Compiled, index: Index, settings: Settings, *, bare_sql: str | None = None
) -> None:
    """Raise Refusal for what dbt would really run. `bare_sql` is the SQL compiled without vars (the honour test)."""
    if request.mode is Mode.BACKFILL and request.since and bare_sql is not None and bare_sql == compiled.sql:
        instead = _full_refresh_instead(entry, request)
        raise Refusal(
            say.same_sql(entry.name, settings.dbt.date_var, request.since, _text(instead)), offers=_offer(instead)
        )
    arrived = {column.upper() for column in compiled.update_columns or ()}
    if missing := [column for column in request.columns if column.upper() not in arrived]:
        without = _without_columns(entry, request)
        raise Refusal(say.columns_do_not_arrive(entry.name, missing, _text(without)), offers=_offer(without))
    if elsewhere := [r for r in compiled.reads if r not in index.relations]:
        raise Refusal(say.reads_elsewhere(entry.name, elsewhere))
    if settings.policy.hooks == "refuse" and (foreign := foreign_hooks(compiled, index)):
        raise Refusal(say.foreign_hook(entry.name, foreign[0], _outside(foreign[0], compiled, index)))
    for name, analysis in compiled.analyses.items():
        if wrong := [r for r in analysis.reads if r not in index.relations or r == entry.prod]:
            raise Refusal(say.spot_check_reads(name, wrong))


def foreign_hooks(compiled: Compiled, index: Index) -> tuple[str, ...]:
    """Hooks that write outside dev, or of which nobody can tell: left out and listed, or by `[policy] hooks` refused."""
    return tuple(hook for hook in compiled.hooks if _outside(hook, compiled, index) != [])


def production_places(index: Index) -> frozenset[tuple[str, str]]:
    """Database and schema of everything in production, sources included: a build writes to none of it."""
    return frozenset((relation.database, relation.schema) for relation in index.relations)


def _outside(hook: str, compiled: Compiled, index: Index) -> list[str] | None:
    """What a hook writes outside dev; None where that cannot be told."""
    found = write_targets.targets(hook, *compiled.place)
    dev = write_targets.Dev(relation=compiled.relation, production=production_places(index))
    return dev.outside(found) or ([] if found.known else None)


def _full_refresh_instead(entry: Entry, request: Request) -> Request | None:
    """The full refresh of the same dates; None where dbt would ignore it."""
    if entry.materialized == "incremental" and entry.full_refresh is False and not entry.full_refresh_var:
        return None
    return replace(request, model=entry.name, mode=Mode.FULL_REFRESH, since=None, columns=(), at=request.dates)


def _without_columns(entry: Entry, request: Request) -> Request:
    return replace(request, model=entry.name, columns=())


def _text(instead: Request | None) -> str:
    """The command as a sentence shows it; the asker's reason would only make it long."""
    return write(replace(instead, reason="")) if instead else ""


def _offer(instead: Request | None) -> tuple[str, ...]:
    return (write(instead),) if instead else ()
