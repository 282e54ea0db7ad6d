"""What the bot says about dbt itself: set-up that is wrong, a project that cannot be read, a build that failed."""

from __future__ import annotations

from collections.abc import Iterable

from bot.wording.text import code, fenced, prose


def unusable_user(user: str) -> str:
    return (
        f"{code(user)} cannot be part of a schema name: give this person a name in `[people]`, in A-Z, 0-9 and _ only."
    )


def no_profile(file: str) -> str:
    return f"{code(file)} names no profile: set `[dbt] profile` in refresh.toml."


def no_target(file: str, profile: str, target: str, there: Iterable[str]) -> str:
    outputs = ", ".join(code(name) for name in there) or "none"
    return (
        f"{code(file)} has no output {code(target)} in profile {code(profile)} (there: {outputs}): "
        "set `[dbt] target`, `prod_target` or `profiles_dir` in refresh.toml."
    )


def missing_file(file: str) -> str:
    return f"{code(file)} was not found: check `[dbt] project_dir` and `profiles_dir` in refresh.toml."


def unreadable_file(file: str) -> str:
    return f"{code(file)} is not valid YAML."


def same_target(target: str) -> str:
    return f"`[dbt] target` and `prod_target` are both {code(target)}: a build only ever uses a target of its own."


def no_state(where: str) -> str:
    return f"There is no production manifest at {code(where)}: check `[dbt] state` in refresh.toml."


def no_repository(branch: str, why: str) -> str:
    return f"The code of the dbt project cannot be fetched (branch {code(branch)}): {prose(why)}. Check `[dbt] repository`."


def repository_away() -> str:
    return "The dbt project cannot be fetched: trying again for half a minute"


def no_packages(why: str) -> str:
    return f"The packages of the dbt project cannot be installed: {prose(why)}."


def no_lock_file(name: str) -> str:
    return f"The dbt project has packages and no {code(name)}: run `dbt deps` and commit it, so that everybody gets the same."


def old_lock_file(name: str) -> str:
    return f"{code(name)} does not fit the project's packages any more: run `dbt deps` and commit it."


def reading_newest() -> str:
    return "The branch has moved on: reading the dbt project at its newest commit"


def cannot_read_project(message: str) -> str:
    return f"dbt cannot read the project; repair this first.\n{fenced(message)}"


def missing_variable(name: str) -> str:
    return f"The dbt project needs the environment variable {code(name)}: add it to `[dbt.env]` in refresh.toml."


def dbt_flag_in_env(names: Iterable[str]) -> str:
    return f"`[dbt.env]` must not set dbt's own flags: remove {', '.join(map(code, names))}."


def cannot_compile(name: str, message: str) -> str:
    return f"dbt could not compile {code(name)}.\n{fenced(message)}"


def unreadable_sql(name: str) -> str:
    return (
        f"The compiled SQL of {code(name)} could not be understood, so nobody can say whether it reads production only. "
        "Refresh it by hand, or report the SQL in the details."
    )


def unknown_model(name: str) -> str:
    return f"{code(name)} is no longer a model of this project. Ask again."


def unknown_analysis(name: str) -> str:
    return (
        f"The spot check {code(name)} is not an analysis of this project: correct `spot_check` in the model's settings."
    )


def build_failed(name: str, message: str) -> str:
    return f"dbt could not build {code(name)}.\n{fenced(message)}"


def hook_failed(hook: str, message: str) -> str:
    return f"The hook {code(hook)} failed.\n{fenced(message)}"


def built_nothing(name: str) -> str:
    return f"dbt said success but did not build {code(name)}: nothing matched, or it was skipped."


def built_elsewhere(name: str, wanted: str, written: str) -> str:
    return f"dbt built {code(name)} in {code(written)}, not in {code(wanted)}: the project's name macros changed meanwhile."


def built_others(name: str, others: Iterable[str]) -> str:
    return f"dbt built more than {code(name)}: {', '.join(map(code, others))}. One refresh builds one model."


def built_from_scratch(name: str) -> str:
    return f"dbt built {code(name)} from scratch instead of merging into the copy of production: the copy was gone."


def took_too_long(name: str, minutes: int) -> str:
    return f"The build of {code(name)} was stopped after {minutes} min (`[dbt] build_timeout`)."


def child_ended(name: str) -> str:
    return f"dbt ended unexpectedly while it worked on {code(name)}. Try again; the details file has its last words."


def warm_ended() -> str:
    return "The process that keeps the dbt project ready has ended. Ask again: the next one starts from scratch."


def child_was_stuck() -> str:
    return "the process that had it ready did not answer"


def parsing_in_full(why: str) -> str:
    return f"Reading the whole dbt project with this request's vars, since {why}"


def cancelled(name: str) -> str:
    return f"The build of {code(name)} was stopped."


def reading_project() -> str:
    return "Reading the dbt project"


def building(name: str) -> str:
    return f"Building {prose(name)} in dev"


def testing(done: int, total: int) -> str:
    return f"Testing in dev, {done} of {total}"


def no_such_user(name: str) -> str:
    return f"There is no user {code(name)} on this machine: make it, or leave `[dbt] run_as` out."


def may_not_become(name: str) -> str:
    return f"dbt cannot be started as {code(name)}: `[dbt] run_as` needs a bot that runs as root."
