"""What the bot says when production is not what was approved, or when it is not known what happened to it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from bot.model import Actor, Content, Loss, Refresh, Relation, Table
from bot.wording.text import clock, code, hour, listed, mention, plural, prose

_Pairs = dict[str, tuple[tuple[str, ...] | None, tuple[str, ...] | None]]  # before and after, by what they are


def prod_gone(prod: Relation) -> str:
    return f"{code(prod)} is no longer there, so there is nothing to replace."


def prod_changed(baseline: Content, now: Content, since: datetime, seen: datetime) -> str:
    """Prod changed after 13:55 (seen 14:07 UTC): 3,032 rows then, 3,033 now."""
    return f"Prod changed after {hour(since)} (seen {clock(seen)}): {_difference(baseline, now)}."


def _difference(then: Content, now: Content) -> str:
    if then.rows != now.rows:
        return f"{plural(then.rows, 'row')} then, {now.rows:,} now"
    return f"still {plural(now.rows, 'row')}, with other values"


def candidate_changed(candidate: Relation) -> str:
    return f"The candidate {code(candidate)} is not what was compared any more: someone else wrote to it."


def shape_changed(changed: Sequence[str]) -> str:
    return f"Prod's {listed(changed)} changed since it was compared."


def no_longer_seen(what: Sequence[str]) -> str:
    return f"Prod's {listed(what)} could be seen when it was planned and cannot now, so what a replacement would break is not known."


def digest_changed() -> str:
    return "What was approved is not what would be sent now: the decisions no longer count."


def not_owner(prod: Relation, owner: str, role: str) -> str:
    return f"{code(prod)} is owned by {code(owner)} and the promoter's role is {code(role)}; a clone would change its owner."


def backup_taken(backup: Relation) -> str:
    return f"A backup of that name exists already and is not what prod holds: {code(backup)}."


def backup_unknown(backup: Relation) -> str:
    return (
        f"A backup of that name exists already, and this bot's database does not know who took it: {code(backup)}. It is left "
        "as it is, and nothing was sent."
    )


def would_break(before: Table, after: Table) -> list[str]:
    """What came to hang on a table since, and a replacement of it breaks or drops."""
    return _came(_broken(before, after))


def unseen(before: Table, after: Table) -> list[str]:
    """What was visible then and is not now, so that nobody can say what a replacement of the table would break."""
    return [name for name, (was, now) in _broken(before, after).items() if was is not None and now is None]


def changes(before: Table, after: Table) -> list[str]:
    """What a replacement would carry along or break: owner, kind, columns, policies, tags, clustering, readers."""
    parts = {
        "owner": (before.owner, after.owner),
        "kind": (before.kind, after.kind),
        "columns": ([(c.name, c.type) for c in before.columns], [(c.name, c.type) for c in after.columns]),
        "policies": (before.policies, after.policies),
        "tags": (before.tags, after.tags),
        "clustering key": (before.clustering, after.clustering),
        "automatic clustering": (before.reclustering, after.reclustering),
    }
    if before.keys is not None:  # a plan of an earlier version does not know
        parts["keys"] = (before.keys, after.keys)
    others = {
        "foreign keys of other tables": (before.referenced_by, after.referenced_by),
        "data metric functions": (before.metric_functions, after.metric_functions),
    }
    changed = [name for name, (was, now) in parts.items() if was != now]
    return changed + _came(_readers(before, after) | others)


def _broken(before: Table, after: Table) -> _Pairs:
    return {"policies": (before.policies, after.policies), **_readers(before, after)}


def _readers(before: Table, after: Table) -> _Pairs:
    return {
        "streams": (before.streams, after.streams),
        "dynamic tables": (before.dynamic_tables, after.dynamic_tables),
        "materialized views": (_materialized(before), _materialized(after)),
    }


def _came(parts: _Pairs) -> list[str]:
    return [name for name, (was, now) in parts.items() if set(now or ()) - set(was or ())]


def _materialized(table: Table) -> tuple[str, ...] | None:
    return None if table.views is None else tuple(v for v in table.views if v.endswith(" (materialized)"))


def refused_statement(message: str) -> str:
    return f"Snowflake refused the statement, so production was not replaced: {prose(message, 600)}"


def doubt(seen: Sequence[str]) -> str:
    lines = "\n".join(f"• {line}" for line in seen)
    return (
        "Snowflake did not confirm the replacement of production, and what happened is not certain. "
        f"Nothing is retried on its own. What was seen:\n{lines}"
    )


def seen_history(statuses: Sequence[str], full_page: bool) -> str:
    if statuses:
        return f"Snowflake's query history has the statement: {listed([s.lower() for s in statuses])}."
    if full_page:
        return "Snowflake's query history was too long to be read to its end."
    return "Snowflake's query history does not show the statement (it can lag)."


def history_too_old() -> str:
    return (
        "Snowflake's query history reaches back 7 days only, and the statement is older: it cannot say any more whether "
        "it happened. An administrator finds it in `ACCOUNT_USAGE.QUERY_HISTORY` by its tag, for a year."
    )


def seen_prod(moved: bool) -> str:
    return "Prod was replaced or written since." if moved else "Prod is unchanged since."


def backup_gone(backup: Relation | None) -> str:
    return (
        f"The backup {code(backup)} is gone, or no longer visible to this bot: it cannot be undone from here."
        if backup
        else "There is no backup."
    )


def backup_changed(backup: Relation) -> str:
    return f"The backup {code(backup)} is not what was taken before the promotion: someone else wrote to it."


def undo_would_lose(refresh: Refresh, then: Content, loss: Loss, seen: datetime) -> str:
    """Nothing where production is just the candidate: then something else is in the way."""
    if loss.production == then:
        return ""
    changed = f"Prod is not what {refresh.ref} promoted (seen {clock(seen)}): {_difference(then, loss.production)}."
    return f"{changed} {lost(loss)}"


def lost(loss: Loss) -> str:
    """An undo would lose 2 rows that are neither the candidate's nor the backup's."""
    if not loss.exact:
        return (
            f"An undo would lose up to {plural(loss.written, 'row')}: so many are not in the backup. The candidate is gone, "
            f"so the refresh's own rows count as well."
        )
    text = f"An undo would lose {plural(loss.written, 'row')} that somebody else wrote."
    if not loss.removed:
        return text
    verb = "was" if loss.removed == 1 else "were"
    return (
        f"{text} {plural(loss.removed, 'row')} of the candidate {verb} changed or deleted, which it would undo as well."
    )


def undo_more_than_agreed(agreed: Loss) -> str:
    return f"The button named {plural(agreed.written, 'row')}."


def undo_would_break(refresh: Refresh, what: Sequence[str]) -> str:
    return (
        f"Prod has other {listed(what)} than when {refresh.ref} was promoted. An undo replaces the table and would break or "
        "drop them: remove them first, or bring the rows back by hand."
    )


def undo_unseen(what: Sequence[str]) -> str:
    """Why an undo is not kept waiting for this: the wrong numbers are in production meanwhile."""
    return (
        f"Before the promotion the table's {listed(what)} could be seen, before the undo they could not: any that came in "
        "between are broken or dropped by it, so look for them."
    )


def undo_not_seen(refresh: Refresh) -> str:
    """Where a person said that an undo happened: nobody has compared."""
    return f"Whether {code(refresh.prod)} is what it was before the promotion was not compared: a person said that the undo happened."


def not_the_backup() -> str:
    return "Prod does not equal the backup that it was to be replaced by."


def on_hold(name: str) -> str:
    return f"{code(name)} was put on hold, so nothing is promoted: lift the hold and re-check."


def could_not_look(message: str) -> str:
    return f"What became of the statement on production could not be found out: {prose(message, 400)}"


def approvals_lapsed() -> str:
    return "The approvals no longer count, so the statement was not sent again."


def not_sent(message: str) -> str:
    """For what went wrong before the intent."""
    return f"{message} Production was not touched."


def not_verified(message: str) -> str:
    return f"Production was replaced, and it could not be verified: {message}"


def no_backup(message: str) -> str:
    return f"The backup could not be taken: Snowflake did not confirm it ({prose(message, 300)})."


def did_not_happen(by: Actor) -> str:
    return f"{mention(by)} says that the replacement did not happen."


def not_fenced(relation: Relation, owner: str, role: str) -> str:
    """What a late statement would copy is not to be renamed by its user any more."""
    if owner.upper() == role.upper():
        way = f"Give {code(role)} USAGE on its database and schema again"
    else:
        grant = f"GRANT OWNERSHIP ON TABLE {relation.sql} TO ROLE {role} COPY CURRENT GRANTS"
        way = f"It belongs to {code(owner)} now; give it back with {code(grant)}"
    return f"A late statement could still copy {code(relation)}, which {code(role)} no longer sees. {way}, then look again."


def cannot_settle(message: str) -> str:
    return (
        "This cannot be settled yet: the statement could still arrive, and what it would copy has to be renamed first. "
        f"{message}"
    )


def still_runs() -> str:
    return (
        "This cannot be settled yet: Snowflake's query history shows that the statement still runs, and what it copies "
        "it has found already. Press *Look again* once it has ended."
    )


def did_happen() -> str:
    return (
        "This cannot be settled so: Snowflake's query history shows that the statement succeeded, and production was "
        "replaced or written since. Press *Look again*, which takes it from there."
    )
