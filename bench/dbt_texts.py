"""The texts of the generated project: macros, YAML and models."""

from __future__ import annotations

import random

PROJECT = "quarry"
PACKAGES = ("quarry_east", "quarry_west")
STONES = ("amber", "basalt", "chalk", "dolomite", "flint", "granite", "jasper", "marble", "onyx", "slate")
SUBJECTS = ("volumes", "fees", "users", "bridges", "supply", "prices", "loans", "swaps", "stakes")

PROJECT_YML = """name: quarry
version: "1.0"
config-version: 2
profile: quarry
model-paths: [models]
macro-paths: [macros]
analysis-paths: [analyses]
target-path: "build/{{ target.name }}"
flags:
  send_anonymous_usage_stats: false
vars:
  with_old_models: false
models:
  +transient: true
  quarry:
    +materialized: table
    +schema: raw
"""

PACKAGE_YML = """name: {package}
version: "1.0"
config-version: 2
model-paths: [models]
models:
  {package}:
    +materialized: table
    +schema: {package}
"""

PROFILES_YML = """quarry:
  target: dev
  outputs:
    dev:
      type: snowflake
      account: "{{ env_var('SNOWFLAKE_ACCOUNT', 'sandbox') }}"
      user: nobody
      password: none
      role: REFRESH_BUILDER
      warehouse: ETHEREUM
      database: dev
      schema: "DEV_{{ env_var('DEV_USER', 'ANALYST') }}"
      threads: 4
    prod:
      type: snowflake
      account: sandbox
      user: nobody
      password: none
      role: TRANSFORMER
      warehouse: ETHEREUM
      database: analytics
      schema: PROD
      threads: 8
"""

NAMES_SQL = """{# In dev everything is in one schema for each person; only production uses what models configure. #}
{% macro generate_database_name(custom_database_name=none, node=none) -%}
    {%- if target.name == 'dev' -%}{{ target.database }}
    {%- else -%}{{ (custom_database_name or target.database) | trim }}{%- endif -%}
{%- endmacro %}

{% macro generate_schema_name(custom_schema_name=none, node=none) -%}
    {%- if target.name == 'dev' -%}DEV_{{ env_var('DEV_USER', 'ANALYST') }}
    {%- elif custom_schema_name -%}{{ target.schema }}_{{ custom_schema_name | trim }}
    {%- else -%}{{ target.schema }}{%- endif -%}
{%- endmacro %}

{% macro generate_alias_name(custom_alias_name=none, node=none) -%}
    {%- if target.name == 'dev' and node.package_name != 'quarry' -%}{{ node.package_name }}__{{ node.name }}
    {%- elif target.name == 'dev' or not custom_alias_name -%}{{ node.name }}
    {%- else -%}{{ custom_alias_name | trim }}{%- endif -%}
{%- endmacro %}
"""

REF_SQL = """{% macro ref() %}
    {%- do return(builtins.ref(*varargs, **kwargs).quote(database=false, schema=false, identifier=false)) -%}
{% endmacro %}
"""

WINDOWS_SQL = """{# The rows an incremental model looks at: from `backfill_date` on, else the last days. #}
{% macro fresh_rows(column, days=3) -%}
    {%- if is_incremental() -%}
        {%- if var('backfill_date', none) -%}where {{ column }} >= to_date('{{ var('backfill_date') }}')
        {%- else -%}where {{ column }} > (select dateadd('day', -{{ days }}, max(seen.date)) from {{ this }} as seen)
        {%- endif -%}
    {%- endif -%}
{%- endmacro %}
"""

ANALYSIS = """select date, sum(amount) as amount from {{{{ source('landing', 'amber_events') }}}}
where date in ('{{{{ var('refresh_dates', []) | join("', '") }}}}') group by date -- {model}
"""

_EZ_CONFIG = """{{{{ config(
    materialized='incremental', incremental_strategy='merge', unique_key='date', database='{chain}', schema='core',
    alias='ez_{subject}', merge_update_columns=var('backfill_columns', []),
    snowflake_warehouse=var('big_warehouse', 'ETHEREUM'),
) }}}}
"""
_PYTHON = "def model(dbt, session):\n    dbt.config(materialized='table')\n    return dbt.ref('{parent}')\n"


def model(kind: str, chain: str, number: int, parents: tuple[str, ...], rng: random.Random) -> str:
    """The code of one model of this kind."""
    if kind == "python" and parents:
        return _PYTHON.format(parent=parents[0])
    source = f"{{{{ source('landing', '{chain}_events') }}}}"
    first = f"{{{{ ref('{parents[0]}') }}}}" if parents else source
    columns = ",\n    ".join(f"sum(a.amount) * {rng.randint(1, 99)} as metric_{n}" for n in range(rng.randint(2, 8)))
    joins = "".join(
        f"\nleft join {{{{ ref('{parent}') }}}} as p{n} on a.date = p{n}.date" for n, parent in enumerate(parents[1:])
    )
    body = f"select\n    a.date,\n    a.chain,\n    sum(a.amount) as amount,\n    {columns}\nfrom <FIRST> as a{joins}\n"
    tail = "group by a.date, a.chain\n"
    match kind:
        case "stage":
            return "{{ config(materialized='view') }}\n" + body.replace("<FIRST>", source) + tail
        case "ez":
            subject = f"{SUBJECTS[number % len(SUBJECTS)]}_{number:04d}"
            config = _EZ_CONFIG.format(chain=chain, subject=subject)
            return config + body.replace("<FIRST>", first) + "{{ fresh_rows('a.date') }}\n" + tail
        case "disabled":
            return "{{ config(enabled=var('with_old_models')) }}\n" + body.replace("<FIRST>", first) + tail
        case "literal" | "by_source" if parents and not parents[0].startswith("fact_shared"):
            owner = _chain_of(parents[0])
            read = f"{owner}.PROD_raw.{parents[0]}"
            if kind == "by_source" and parents[0].startswith("fact_"):
                read = f"{{{{ source('prod_{owner}', '{parents[0]}') }}}}"
            return f"{{{{ config(database='{chain}') }}}}\n" + body.replace("<FIRST>", read) + tail
    return f"{{{{ config(database='{chain}') }}}}\n" + body.replace("<FIRST>", first) + tail


def _chain_of(name: str) -> str:
    """The chain in a model's name: `fact_slate_019_fees_0231` is of slate_019, `fact_amber_fees_0001` of amber."""
    words = name.split("_")[1:-2]
    return "_".join(words)
