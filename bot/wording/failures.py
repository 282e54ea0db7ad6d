"""What the bot says when a step of its own could not go on."""

from __future__ import annotations

from bot.model import Kind, Relation
from bot.wording.text import code, plural


def cancelled() -> str:
    return "Cancelled as asked; nothing in production was touched."


def no_baseline(prod: Relation, tries: int) -> str:
    return (
        f"{code(prod)} was written to each time it was frozen ({plural(tries, 'try', 'tries')}): "
        "ask again when its load has ended."
    )


def no_index(problem: str = "") -> str:
    return problem or "The dbt project has not been read yet: please try again in a minute."


def older_index(problem: str) -> str:
    """Said with every answer that comes from the last index that could be made."""
    return (
        f"\n\nThe newest code of the dbt project cannot be used yet; I know the code before it. {problem}"
        if problem
        else ""
    )


def gone_from_project(name: str) -> str:
    return f"{code(name)} is no longer a model of this project."


def candidate_kind(kind: Kind, prod_kind: Kind) -> str:
    return (
        f"dbt built a {kind} table and production is {prod_kind}; a {kind} table cannot be cloned into a {prod_kind} one. "
        f"Set `transient: {'false' if prod_kind is Kind.PERMANENT else 'true'}` on the model and ask again."
    )


def dev_not_there(dev: Relation) -> str:
    return f"dbt reported success, but {code(dev)} is not there."


def not_what_was_built(dev: Relation) -> str:
    return (
        f"Somebody else wrote to {code(dev)} while it was built, or it cannot be seen that nobody did: what stands there is "
        "not known to be what dbt built, so it was not taken. Production was not touched. Where two installations share a "
        "dev schema, give each its own (`[dbt.env]`); then try again."
    )


def dev_taken(dev: Relation, marker: Relation, holder: str) -> str:
    installation, _, ref = holder.partition(":")
    return (
        f"Another installation ({code(installation or 'unknown')}, {code(ref or 'unknown')}) builds in {code(dev)} now: try again "
        f"when it has ended, and give each installation a dev schema of its own. If it is gone, `DROP TABLE {marker};` lets us in."
    )


def no_way_in() -> str:
    return (
        "Slack cannot reach the bot: set `SLACK_APP_TOKEN` (Socket Mode), or `SLACK_SIGNING_SECRET` and `PORT` (HTTP)."
    )


def no_database(problem: str) -> str:
    return f"The database does not answer: {problem}. Is DATABASE_URL right, and the server running?"


def candidate_gone(candidate: Relation) -> str:
    return f"The candidate {code(candidate)} is gone, so there is nothing to compare: rebuild it."


def deadly(ref: str, workers: int) -> str:
    return (
        f"{workers} workers in a row stopped without a word while they worked on {ref}, so it is not tried again: "
        "whoever runs the bot finds in the log of the machine why."
    )


def broken(ref: str) -> str:
    return f"Something went wrong in the bot itself while it worked on {ref}, several times: whoever runs it finds the cause in its log."
