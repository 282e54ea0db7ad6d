"""The plan: what will be done with which tables, before anything is built."""

from __future__ import annotations

from bot.model import Kind, Mode, Origin, Plan, Request
from bot.wording.tables import column, origin
from bot.wording.text import code, dotted, fenced, listed, plural, prose, sentences


def plan(found: Plan, request: Request, *, date_var: str, columns_var: str, approval: str) -> str:
    """The plan reply. Lines that have nothing to say are left out; `approval` says who has to approve it."""
    lines = [
        f"*Plan.* Prod {code(found.prod.relation)} ({found.prod.kind}) · dev {code(found.dev)}.",
        sentences(_parents(found), _honours(request, date_var), _columns(found, columns_var)),
        _grain(found.rules.grain, found.rules.date_column),
        _warehouse(found),
        _code(found),
        _hooks(found),
        *[prose(note, 400) for note in found.notes],
        approval,
        "Production is not touched before an approval.",
    ]
    return "\n".join(line for line in lines if line)


def _parents(found: Plan) -> str:
    if not found.parents:
        return ""
    return f"Reads {plural(len(found.parents), 'parent, ', 'parents, all ')}from production."


def _honours(request: Request, date_var: str) -> str:
    if request.mode is Mode.BACKFILL:
        return f"Honours {code(date_var)}."
    return ""


def _columns(found: Plan, columns_var: str) -> str:
    """With a list of columns a merge leaves the others as they were, the write time included.

    The plan's own columns: the request may have got more since.
    """
    wanted = found.vars.get(columns_var)
    if not isinstance(wanted, list | tuple):
        return ""
    only = f"Only {listed([code(column(str(c))) for c in wanted])} will change (by {code(columns_var)})"
    kept = found.kept_clocks
    if not kept:
        return only + "."
    verb = "keeps" if len(kept) == 1 else "keep"
    return f"{only}; {listed([code(column(c)) for c in kept])} {verb} prod's value, unless added to {code('columns=')}."


def _grain(grain: Origin, dates: Origin) -> str:
    """What one row is, and what its date is; said once where both are the same column."""

    def known(found: Origin) -> str:
        return listed([code(column(c)) for c in found.columns])

    rows = (
        f"One row per {known(grain)} (the grain, {prose(origin(grain.source))})" if grain.columns else "No grain found"
    )
    if grain.columns and dates == grain:
        return f"{rows}, which is also the date column."
    when = f"date column {known(dates)}, {prose(origin(dates.source))}" if dates.columns else "no date column found"
    return f"{dotted([rows, when])}."


def _warehouse(found: Plan) -> str:
    if not found.warehouse_override:
        return ""
    return f"Built on warehouse {code(found.warehouse)} instead of the model's own, for this build only."


def _code(found: Plan) -> str:
    if found.code_in_prod is not False:
        return ""
    return f"The code {code(found.code)} is not what production was built with: changes of the model go live too."


def _hooks(found: Plan) -> str:
    runs = f"Hooks that run in dev: {listed([code(_short(h)) for h in found.hooks], most=3)}." if found.hooks else ""
    skipped = (
        f"Left out, since they write outside dev or it is not known what they write; run them by hand after the promotion: "
        f"{listed([code(_short(h)) for h in found.skipped_hooks], most=3)}."
        if found.skipped_hooks
        else ""
    )
    return sentences(runs, skipped)


def _short(sql: str) -> str:
    line = " ".join(sql.split())
    return line if len(line) <= 120 else line[:119] + "…"


def only_a_plan() -> str:
    return "This was a plan only: nothing was built and nothing was changed."


def would_send(found: Plan) -> str:
    """The shape of what an approval sends; the candidate has no name yet."""
    kind = "TRANSIENT TABLE" if found.prod.kind is Kind.TRANSIENT else "TABLE"
    tags = " COPY TAGS" if found.prod.tags else ""
    statement = f"CREATE OR REPLACE {kind} {found.prod.relation} CLONE <candidate> COPY GRANTS{tags};"
    return f"After an approval, a backup and then:\n{fenced(statement)}"


def tests(found: Plan) -> str:
    return f"Tests: {listed([code(t) for t in found.tests], most=6)}." if found.tests else "The model has no tests."


def mentions_target(name: str) -> str:
    return f"{name} looks at the dbt target: make sure that it does not read less in dev than in production."


def not_compiled() -> str:
    return (
        "dbt is still reading the project, so this is what is known without it: the SQL, its hooks and whether the date changes "
        "anything are looked at before anything is built. Ask again in a minute to see them."
    )


def needs(count: int, who: str, source: str) -> str:
    """Needs 2 approvals by @data-approvers, by `[policy]`."""
    return f"Needs {plural(count, 'approval')} of {who}, {source}." if who else ""


def too_few(name: str, count: int, needed: int) -> str:
    """Of people who may approve it by the model's YAML and by refresh.toml both."""
    have = "nobody may" if not count else f"only {plural(count, 'person', 'people')} may"
    return (
        f"{name} needs {plural(needed, 'approval')}, and {have} approve it: its YAML names approvers or a quorum that "
        'refresh.toml has no people for. Name them in `approvers` there too, or set `model_policy = "replace"` in `[policy]`.'
    )


def older_code() -> str:
    return "The newest code of the dbt project cannot be read now: names, plan and checks are of the code that was read last."
