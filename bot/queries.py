"""Loads `sql/`: one statement a file, Jinja for identifiers and shape, `%(name)s` for values, which are always bound.

Filters: `q` quotes an identifier, `rel` a relation, `raw` lets SQL that dbt compiled pass. All three double `%`,
which the connector's binding would read as a marker; `plain` undoes that where nothing is bound.
"""

from __future__ import annotations

from functools import cache
from importlib.resources import files

from jinja2 import Environment, FunctionLoader, StrictUndefined

from bot.model import Kind, Relation, Table, quote


def render(name: str, **context: object) -> str:
    """The SQL of `sql/<name>.sql`, without its header comment, ready for the connector's binding.

    Raises jinja2.UndefinedError when the file needs something that was not given.
    """
    return _environment().get_template(f"{name}.sql").render(**context).strip()


def plain(sql: str) -> str:
    """Rendered SQL as Snowflake receives it; only for statements that bind no values."""
    return sql.replace("%%", "%")


def clone(
    source: Relation,
    target: Relation,
    kind: Kind,
    *,
    replace: bool = False,
    copy_grants: bool = False,
    copy_tags: bool = False,
) -> str:
    """CREATE [OR REPLACE] [TRANSIENT] TABLE target CLONE source [COPY GRANTS] [COPY TAGS]."""
    return plain(
        render(
            "promote/clone",
            source=source,
            target=target,
            transient=kind is Kind.TRANSIENT,
            replace=replace,
            copy_grants=copy_grants,
            copy_tags=copy_tags,
        )
    )


def promotion(prod: Table, source: Relation, backup: Relation | None) -> tuple[str, ...]:
    """The approved list: what is sent to production, in order, exactly as it is shown before the click.

    `source` is the candidate, or for an undo the backup (then `backup` is None and no further one is taken).
    COPY TAGS is written unless prod is known to carry none.
    """
    statements = [clone(prod.relation, backup, prod.kind)] if backup else []
    with_tags = prod.tags is None or bool(prod.tags)
    statements.append(
        clone(source, prod.relation, prod.kind, replace=True, copy_grants=True, copy_tags=with_tags),
    )
    if prod.reclustering:
        statements.append(plain(render("promote/resume_recluster", relation=prod.relation)))
    return tuple(statements)


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FunctionLoader(_source),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        autoescape=False,
    )
    environment.filters["q"] = lambda identifier: quote(identifier).replace("%", "%%")
    environment.filters["rel"] = lambda relation: relation.sql.replace("%", "%%")
    environment.filters["raw"] = lambda sql: sql.replace("%", "%%")
    return environment


def _source(name: str) -> str | None:
    path = files("sql").joinpath(*name.split("/"))
    if not path.is_file():
        return None
    lines = path.read_text(encoding="utf-8").splitlines()
    start = next(i for i, line in enumerate(lines) if not line.startswith("--"))
    return "\n".join(lines[start:])
