"""Snowflake SQL to DuckDB SQL: the transforms of the pinned fakesnow, plus what they lack or get wrong.

Left out on purpose: fakesnow's SUM(x) -> SUM(TRY_CAST(x AS DOUBLE)), which loses digits, and everything about DDL, SHOW
and INFORMATION_SCHEMA, which the sandbox answers itself.
"""

from __future__ import annotations

from collections.abc import Callable

import fakesnow.transforms as fs
import sqlglot
from sqlglot import Expr, exp
from sqlglot.errors import ParseError, TokenError, UnsupportedError

from .errors import SnowflakeError, unsupported

_CHAIN: tuple[Callable[[Expr], Expr], ...] = (
    fs.upper_case_unquoted_identifiers,
    fs.semi_structured_types,
    fs.try_parse_json,
    fs.split,
    fs.trim_cast_varchar,
    fs.indices_to_json_extract,
    fs.json_extract_cast_as_varchar,
    fs.json_extract_cased_as_varchar,
    fs.json_extract_precedence,
    fs.flatten_value_cast_as_varchar,
    fs.flatten,
    fs.regex_replace,
    fs.regex_substr,
    fs.values_columns,
    fs.to_date,
    fs.timestamp_offsets,
    fs.to_decimal,
    fs.to_timestamp,
    fs.to_variant,
    fs.object_construct,
    fs.timestamp_ntz,
    fs.float_to_double,
    fs.integer_precision,
    fs.sample,
    fs.array_size,
    fs.random,
    fs.array_agg_within_group,
    fs.array_agg,
    fs.object_agg,
    fs.array_construct_etc,
    fs.dateadd_date_cast,
    fs.dateadd_string_literal_timestamp_cast,
    fs.datediff_string_literal_timestamp_cast,
    fs.haversine,
    fs.hex_string,
    fs.sha256,
    fs.alias_in_join,
    fs.alias_in_where,
)

# The order-free, duplicate-safe hash of rows; 64 bits, signed, 0 for no rows. Macros, because they stay cheap and readable.
MACROS = """
create or replace temp macro sandbox_signed(v) as
  (case when v >= 9223372036854775808::hugeint then (v - 18446744073709551616::hugeint)::bigint else v::bigint end);
create or replace temp macro sandbox_hash_agg(h) as
  sandbox_signed(coalesce(sum(h::hugeint), 0::hugeint) % 18446744073709551616::hugeint);
create or replace temp macro sandbox_hash_agg_distinct(h) as
  sandbox_signed(coalesce(sum(distinct h::hugeint), 0::hugeint) % 18446744073709551616::hugeint);
"""


def parse(sql: str) -> Expr:
    """One parsed statement; raises 001003 for a syntax error, 000002 for what the parser does not know."""
    try:
        expression = sqlglot.parse_one(sql, read="snowflake")
    except (ParseError, TokenError, UnsupportedError) as error:
        message = str(error).replace("\x1b[4m", "").replace("\x1b[0m", "").split("\n")[0]
        raise SnowflakeError("001003", "42000", f"SQL compilation error:\nsyntax error: {message}") from None
    except ValueError as error:
        raise unsupported(f"{sql[:200]}: {error}") from None
    if isinstance(expression, exp.Command):
        raise unsupported(sql[:200])
    return expression


def name_columns(expression: Expr) -> None:
    """Unnamed result columns get Snowflake's names: the text of their expression in upper case."""
    while isinstance(expression, (exp.SetOperation, exp.Subquery)):
        expression = expression.this
    if not isinstance(expression, exp.Select):
        return
    for item in expression.expressions:
        if not isinstance(item, (exp.Alias, exp.Column, exp.Star, exp.Dot, exp.Identifier)) and not item.is_star:
            text = item.sql("snowflake").upper()
            item.replace(exp.alias_(item.copy(), text, quoted=True))


def to_duckdb(expression: Expr) -> str:
    """DuckDB's SQL for a bound expression, which is consumed."""
    expression = expression.transform(_hashes, copy=False)
    for step in _CHAIN:
        expression = expression.transform(step, copy=False)
    return expression.sql("duckdb")


def _hashes(node: Expr) -> Expr:
    """HASH_AGG and HASH over a macro; types that hash alike in DuckDB are those that Snowflake stores alike."""
    if isinstance(node, exp.HashAgg):
        arguments = [node.this, *node.expressions]
        distinct = isinstance(node.this, exp.Distinct)
        if distinct:
            arguments = node.this.expressions
        macro = "sandbox_hash_agg_distinct" if distinct else "sandbox_hash_agg"
        return exp.Anonymous(this=macro, expressions=[_hash(arguments)])
    if isinstance(node, exp.Anonymous) and node.name.upper() == "HASH":
        return exp.Anonymous(
            this="sandbox_signed", expressions=[exp.cast(_hash(node.expressions), "HUGEINT", dialect="duckdb")]
        )
    return node


def _hash(arguments: list[Expr]) -> Expr:
    return exp.Anonymous(this="hash", expressions=[_argument(a) for a in arguments])


def _argument(argument: Expr) -> Expr:
    """A column, or a star spread over the arguments, with EXCLUDE kept."""
    if not argument.is_star:
        return argument.copy()
    return exp.Var(this=f"*COLUMNS({argument.sql('duckdb')})")
