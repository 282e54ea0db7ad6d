"""However a project reads what a request changes, the child that was forked runs what plain dbt would."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bot import dbt_profile, planning
from bot.dbt_build import DbtChild
from bot.dbt_project import Project
from bot.settings import Settings
from tests.contract.dbt_demo import changed_project, deployed, unreachable

pytestmark = pytest.mark.xdist_group("dbt")

LARGE = "'XL' if flags.FULL_REFRESH else 'S'"
ODD = {
    "models/odd/by_yaml.sql": "select 1 as one",
    "models/odd/by_flag.sql": f"{{{{ config(snowflake_warehouse={LARGE}) }}}}\n"
    "select 1 as one -- {{ flags.FULL_REFRESH }}",
    "models/odd/by_copy.sql": "{% set place = target.copy() %}{{ config(snowflake_warehouse=place.schema) }} select 1 as one",
    "models/odd/by_text.sql": "{{ config(snowflake_warehouse=(target | string)) }} select 1 as one",
    "models/odd/by_macro.sql": "{{ config(snowflake_warehouse=large()) }} select 1 as one",
    "models/odd/odd.yml": "models: [{name: by_yaml, config: {snowflake_warehouse: \"{{ var('large', 'S') }}\"}},"
    " {name: by_test, columns: [{name: one, data_tests: [not_null, {unique: {config: {enabled: \"{{ var('strict', false) }}\"}}}]}]}]",
    "models/odd/by_test.sql": "select 1 as one",
    "models/odd/by_single.sql": "select 1 as one",
    "tests/strictly_one.sql": "{{ config(enabled=var('strict', false)) }} select * from {{ ref('by_single') }} where one <> 1",
    "macros/large.sql": f"{{% macro large() %}}{{{{ return({LARGE}) }}}}{{% endmacro %}}",
}
SAME = planning.ANY_USER  # whom the project was parsed for: a schema of its own would be read anew with everything else


Read = tuple[Settings, Project]


@pytest.fixture(scope="module")
def odd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Read]:
    """The demo with odd models, parsed once for nobody in particular."""
    directory = tmp_path_factory.mktemp("odd")
    given = unreachable(directory, state=deployed(), env={"DEV_USER": "{user}"})
    settings = changed_project(given, directory / "code")
    for name, text in ODD.items():
        place = settings.dbt.project_dir / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text)
    project = Project(settings, directory / "work", warm=True)
    project.index()
    yield settings, project
    project.stop()


@pytest.mark.parametrize(
    ("user", "given", "full_refresh", "expected"),
    [
        (SAME, {"large": "XL"}, True, {"by_yaml": "XL", "by_flag": "XL", "by_macro": "XL"}),
        ("ZOE", {}, False, {"by_copy": "DEV_ZOE", "by_text": "DEV_ZOE", "by_flag": "S"}),
    ],
    ids=["vars and flags", "another user"],
)
def test_what_the_request_changes_is_settled_anew(
    user: str, given: dict[str, Any], full_refresh: bool, expected: dict[str, str], odd: Read, tmp_path: Path
):
    _, project = odd
    truth = plain(odd, tmp_path / "plain", [*expected], user, given, full_refresh=full_refresh)

    for name, warehouse in expected.items():
        assert warehouse in truth[name][0]
        for warm in (project.now[1], None):
            told: list[str] = []
            workdir = tmp_path / f"{name}-{warm is None}"
            with child(odd, name, workdir, user, given, full_refresh=full_refresh, warm=warm, tell=told.append) as one:
                found = one.compile()
            assert ((found.warehouse, found.sql), told) == (truth[name], []), (name, warm)


@pytest.mark.parametrize(
    ("name", "tests"), [("by_test", {"not_null_by_test_one", "unique_by_test_one"}), ("by_single", {"strictly_one"})]
)
def test_a_test_that_the_request_enables_runs_too(name: str, tests: set[str], odd: Read, tmp_path: Path):
    with child(odd, name, tmp_path, SAME, {"strict": True}, warm=odd[1].now[1]) as one:
        assert {*one.compile().tests} == tests


def child(read: Read, name: str, workdir: Path, user: str, given: dict[str, Any], **more: Any) -> DbtChild:
    settings, project = read
    return DbtChild(
        settings,
        unique_id=f"model.onchain.{name}",
        name=name,
        vars=given,
        env_user=user,
        state_dir=project.state_dir,
        workdir=workdir,
        **more,
    )


def plain(
    read: Read, directory: Path, names: list[str], user: str, given: dict[str, Any], *, full_refresh: bool
) -> dict[str, tuple[str, str]]:
    """Warehouse and SQL of these models as the dbt command has them, parsed from scratch."""
    settings, project = read
    profiles = dbt_profile.write_dev(settings, directory / "profiles")
    command = [sys.executable, "-c", "from dbt.cli.main import cli; cli()", "compile", "--quiet", "--select", *names]
    command += ["--vars", json.dumps(given), *(["--full-refresh"] if full_refresh else [])]
    command += ["--project-dir", str(settings.dbt.project_dir), "--profiles-dir", str(profiles), "--target", "dev"]
    command += ["--target-path", str(directory / "target"), "--log-path", str(directory / "log")]
    command += ["--no-populate-cache", "--defer", "--favor-state", "--state", str(project.state_dir)]
    subprocess.run(command, check=True, env=dbt_profile.environment(settings, user), stdout=subprocess.DEVNULL)
    nodes = json.loads((directory / "target" / "manifest.json").read_text())["nodes"]
    found = {name: nodes[f"model.onchain.{name}"] for name in names}
    return {name: (n["config"]["snowflake_warehouse"], n["compiled_code"]) for name, n in found.items()}
