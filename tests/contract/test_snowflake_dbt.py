"""Real dbt against the Snowflake sandbox with the restricted role: every materialization, tests, hooks, grants, docs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from tests.contract.snowflake_world import World

FILES = {
    "dbt_project.yml": "{name: small, profile: small, model-paths: [models], seed-paths: [seeds]}",
    "seeds/kinds.csv": "id,name,since\n1,one,2020-01-01\n2,it's two,2020-01-02\n",
    "models/plain.sql": "{{ config(materialized='table', grants={'select': ['transformer']}, query_tag='plain-tag', "
    "persist_docs={'relation': true, 'columns': true}, cluster_by=['id']) }} select id, v, s from PROD.CORE.T",
    "models/lasting.sql": "{{ config(materialized='table', transient=false) }} select id from {{ ref('plain') }}",
    "models/merged.sql": "{{ config(materialized='incremental', unique_key='id', incremental_strategy='merge', "
    "merge_update_columns=['v'], on_schema_change='append_new_columns', "
    "post_hook='create or replace view {{ this }}_latest as select max(id) as id from {{ this }}') }} "
    "select id, v {% if is_incremental() %} + 100 as v, 'new' as more {% else %}, s {% endif %} from PROD.CORE.T "
    "{% if is_incremental() %} where id >= (select max(id) - 1 from {{ this }}) {% endif %}",
    "models/replaced.sql": "{{ config(materialized='incremental', unique_key='id', incremental_strategy='delete+insert', "
    "pre_hook='select 1') }} select id, v from {{ ref('plain') }}",
    "models/seen.sql": "{{ config(materialized='view') }} select k.name, count(*) as n from {{ ref('kinds') }} k "
    "join {{ ref('plain') }} p on p.id = k.id group by 1",
    "models/all.yml": json.dumps(
        {
            "models": [
                {
                    "name": "plain",
                    "description": "Plain, and 'quoted'.",
                    "columns": [{"name": "id", "description": "the key", "data_tests": ["unique", "not_null"]}],
                },
                {"name": "merged", "columns": [{"name": "id", "data_tests": ["unique"]}]},
            ]
        }
    ),
}


@pytest.fixture
def project(world: World, tmp_path: Path) -> Path:
    key = tmp_path / "key.pem"
    key.write_bytes(world.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    output = {
        "type": "snowflake",
        "account": "sandbox",
        "host": world.sandbox.host,
        "port": world.sandbox.port,
        "protocol": "http",
        "user": "BUILDER",
        "private_key_path": str(key),
        "role": "BUILDER",
        "warehouse": "ETHEREUM",
        "database": "DEV",
        "schema": "DBT_SMALL",
        "threads": 4,
        "query_tag": "profile-tag",
    }
    profile = {"small": {"target": "dev", "outputs": {"dev": output}}}
    for name, text in {**FILES, "profiles.yml": json.dumps(profile)}.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


def dbt(project: Path, *arguments: str) -> dict[str, str]:
    """Run dbt; the status of each node."""
    environment = {**os.environ, "DBT_SEND_ANONYMOUS_USAGE_STATS": "false", "DO_NOT_TRACK": "1"}
    command = [str(Path(sys.executable).parent / "dbt"), "--no-use-colors", *arguments, "--profiles-dir", "."]
    done = subprocess.run(
        command, cwd=project, env=environment, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-1000:]
    results = json.loads((project / "target" / "run_results.json").read_text())["results"]
    return {result["unique_id"].split(".")[2]: result["status"] for result in results}


def test_dbt_builds_everything_twice(world: World, project: Path) -> None:
    production = world.sandbox.census({"PROD"})
    first = dbt(project, "build")
    assert set(first.values()) == {"success", "pass"}
    assert len(first) == 9
    kinds = {r["name"]: (r["kind"], r["owner"]) for r in world.builder.rows("SHOW TABLES IN SCHEMA DEV.DBT_SMALL")}
    assert kinds == {
        "KINDS": ("TABLE", "BUILDER"),
        "PLAIN": ("TRANSIENT", "BUILDER"),
        "LASTING": ("TABLE", "BUILDER"),
        "MERGED": ("TRANSIENT", "BUILDER"),
        "REPLACED": ("TRANSIENT", "BUILDER"),
    }
    plain = world.builder.rows("SHOW TABLES LIKE 'PLAIN' IN SCHEMA DEV.DBT_SMALL")[0]
    assert (plain["comment"], plain["cluster_by"]) == ("Plain, and 'quoted'.", "LINEAR(ID)")
    assert world.builder.rows("DESCRIBE TABLE DEV.DBT_SMALL.PLAIN")[0]["comment"] == "the key"
    granted = world.builder.rows("SHOW GRANTS ON TABLE DEV.DBT_SMALL.PLAIN")
    assert ("SELECT", "TRANSFORMER") in {(r["privilege"], r["grantee_name"]) for r in granted}
    assert world.builder.run("SELECT NAME, N FROM DEV.DBT_SMALL.SEEN ORDER BY 1") == [("it's two", 1), ("one", 1)]

    world.builder.run("CREATE OR REPLACE TRANSIENT TABLE DEV.DBT_SMALL.MERGED CLONE PROD.CORE.T")
    again = dbt(project, "build", "--select", "merged", "replaced")
    assert again == {"merged": "success", "replaced": "success", "unique_merged_id": "pass"}
    merged = world.builder.run("SELECT ID, V, S, MORE FROM DEV.DBT_SMALL.MERGED WHERE ID >= 17 ORDER BY ID")
    assert [(int(str(i)), float(str(v)), s, more) for i, v, s, more in merged] == [
        (17, 25.5, "x", None),
        (18, 127.0, "x", None),
        (19, 128.5, "x", None),
    ]
    assert world.builder.run("SELECT * FROM DEV.DBT_SMALL.MERGED_LATEST") == [(19,)]
    assert world.builder.run("SELECT COUNT(*), COUNT(DISTINCT ID) FROM DEV.DBT_SMALL.REPLACED") == [(20, 20)]
    assert [r["name"] for r in world.admin.rows("SHOW OBJECTS LIKE '%DBT_TMP%' IN ACCOUNT")] == []

    tags = {s.tag for s in world.sandbox.log if s.user == "BUILDER" and "model.small.plain" in s.sql}
    assert {"profile-tag", "plain-tag"} <= tags
    assert [s.error for s in world.sandbox.log if s.error] == []
    assert world.sandbox.writes({"PROD"}) == []
    assert world.sandbox.census({"PROD"}) == production
