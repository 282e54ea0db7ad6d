"""Snowflake SQL to DuckDB SQL: the transforms of the pinned fakesnow, plus what they lack or get wrong.

Left out on purpose: fakesnow's SUM(x) -> SUM(TRY_CAST(x AS DOUBLE)), which loses digits, and everything about DDL, SHOW
and INFORMATION_SCHEMA, which the sandbox answers itself.
"""

from __future__ import annotations

import re
from collections.abc import Callable

import fakesnow.transforms as fs
import sqlglot
from sqlglot import Expr, exp
from sqlglot.errors import ErrorLevel, ParseError, TokenError, UnsupportedError

from .errors import SnowflakeError, unsupported

# Each transform, and the nodes without which it has nothing to do: most statements need few of them, and each walks all nodes.
_CHAIN: tuple[tuple[Callable[[Expr], Expr], tuple[type[Expr], ...]], ...] = (
    (fs.semi_structured_types, (exp.DataType,)),
    (fs.try_parse_json, (exp.Anonymous,)),
    (fs.split, (exp.Split,)),
    (fs.trim_cast_varchar, (exp.Trim,)),
    (fs.indices_to_json_extract, (exp.Bracket,)),
    (fs.json_extract_cast_as_varchar, (exp.JSONExtract,)),
    (fs.json_extract_cased_as_varchar, (exp.JSONExtract,)),
    (fs.json_extract_precedence, (exp.JSONExtract, exp.JSONExtractScalar)),
    (fs.flatten_value_cast_as_varchar, (exp.Explode,)),
    (fs.flatten, (exp.Explode,)),
    (fs.regex_replace, (exp.RegexpReplace,)),
    (fs.regex_substr, (exp.RegexpExtract,)),
    (fs.values_columns, (exp.Values,)),
    (fs.to_date, (exp.Anonymous,)),
    (fs.timestamp_offsets, (exp.Cast,)),
    (fs.to_decimal, (exp.ToNumber,)),
    (fs.to_timestamp, (exp.UnixToTime, exp.Anonymous, exp.Cast)),
    (fs.to_variant, (exp.ToVariant,)),
    (fs.object_construct, (exp.StarMap, exp.Struct, exp.JSONObject)),
    (fs.timestamp_ntz, (exp.DataType,)),
    (fs.float_to_double, (exp.DataType,)),
    (fs.integer_precision, (exp.DataType,)),
    (fs.sample, (exp.TableSample,)),
    (fs.array_size, (exp.ArraySize,)),
    (fs.random, (exp.Rand,)),
    (fs.array_agg_within_group, (exp.ArrayAgg,)),
    (fs.array_agg, (exp.ArrayAgg,)),
    (fs.object_agg, (exp.ObjectAgg,)),
    (fs.array_construct_etc, (exp.ArrayConstructCompact, exp.Array, exp.ArrayConcat)),
    (fs.dateadd_date_cast, (exp.DateAdd,)),
    (fs.dateadd_string_literal_timestamp_cast, (exp.DateAdd,)),
    (fs.datediff_string_literal_timestamp_cast, (exp.DateDiff,)),
    (fs.haversine, (exp.Anonymous,)),
    (fs.hex_string, (exp.HexString,)),
    (fs.sha256, (exp.SHA2, exp.SHA2Digest, exp.Anonymous)),
    (fs.alias_in_join, (exp.Join,)),
    (fs.alias_in_where, (exp.Anonymous,)),
)

# HASH_AGG adds the hashes up, so it is free of order, counts duplicates, and is 0 for no rows: DuckDB adds unsigned numbers of
# 64 bits into 128 without a cast for each row. HASH has 63 bits: the 64th would need 128-bit arithmetic for each row, which
# costs more than reading the table. Macros stay readable.
MACROS = """
create or replace temp macro sandbox_hash(h) as ((h >> 1)::bigint - 4611686018427387904);
create or replace temp macro sandbox_hash_agg(h) as
  (coalesce(sum(h) % 18446744073709551616::hugeint, 9223372036854775808::hugeint) - 9223372036854775808::hugeint)::bigint;
create or replace temp macro sandbox_hash_agg_distinct(h) as
  (coalesce(sum(distinct h) % 18446744073709551616::hugeint, 9223372036854775808::hugeint)
    - 9223372036854775808::hugeint)::bigint;
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
    for node in reversed(list(expression.find_all(exp.BitwiseAnd, exp.BitwiseOr, exp.BitwiseXor))):
        node.replace(exp.Paren(this=node.copy()))  # BITAND(..) becomes an operator, which binds weaker than + and *
    for node in reversed(list(expression.find_all(exp.CountIf))):  # DuckDB's is NULL for no rows
        node.replace(exp.Count(this=exp.Case(ifs=[exp.If(this=node.this, true=exp.Literal.number(1))])))
    expression = expression.transform(_own, copy=False)
    for name in expression.find_all(exp.Identifier):
        if not name.quoted:
            name.set("this", name.this.upper())
    there = _kinds(expression)
    for step, wanted in _CHAIN:
        if any(issubclass(kind, wanted) for kind in there):
            expression = expression.transform(step, copy=False)
            there = _kinds(expression)  # a step makes nodes that a later one looks for
    try:
        return expression.sql("duckdb", copy=False, unsupported_level=ErrorLevel.RAISE)
    except UnsupportedError as error:
        raise unsupported(str(error)) from None


def _kinds(expression: Expr) -> set[type[Expr]]:
    return {type(node) for node in expression.walk()}


_FORMAT = re.compile(r"YYYY|MON|MM|DD|DY|HH24|HH12|HH|AM|PM|MI|SS|FF3|FF6|FF9|FF|[-/:.,_ T]|\"[^\"]*\"", re.IGNORECASE)
_STRFTIME = {"YYYY": "%Y", "MON": "%b", "MM": "%m", "DD": "%d", "DY": "%a", "HH24": "%H", "HH": "%H", "HH12": "%I", "AM": "%p",
             "PM": "%p", "MI": "%M", "SS": "%S", "FF3": "%g", "FF6": "%f", "FF9": "%n", "FF": "%n"}  # fmt: skip


def _own(node: Expr) -> Expr:
    """HASH_AGG, HASH and TO_CHAR, which fakesnow has not or gets wrong; and what DuckDB computes faster in another way.

    Types that hash alike in DuckDB are those that Snowflake stores alike.
    """
    if isinstance(node, exp.DateDiff) and node.text("unit").upper() == "DAY" and _is_date(node.this, node.expression):
        return exp.Paren(this=exp.Sub(this=node.this.copy(), expression=node.expression.copy()))
    if isinstance(node, exp.BitwiseLeftShift) and _is_one_bit(node):
        one = exp.cast(node.this.copy(), "BIGINT", dialect="duckdb")
        return exp.BitwiseLeftShift(this=one, expression=exp.Paren(this=node.expression.unnest().copy()))
    if isinstance(node, exp.JSONFormat):  # Snowflake keeps the keys of an object in order, DuckDB as they were written
        document = exp.Anonymous(this="to_json", expressions=[node.this.copy()])
        return exp.cast(exp.Anonymous(this="json_normalize", expressions=[document]), "TEXT")
    if isinstance(node, exp.ToChar) and (form := node.args.get("format")):
        return exp.Anonymous(this="strftime", expressions=[node.this.copy(), exp.Literal.string(_strftime(form))])
    if isinstance(node, exp.HashAgg):
        arguments = [node.this, *node.expressions]
        distinct = isinstance(node.this, exp.Distinct)
        if distinct:
            arguments = node.this.expressions
        macro = "sandbox_hash_agg_distinct" if distinct else "sandbox_hash_agg"
        return exp.Anonymous(this=macro, expressions=[_hash(arguments)])
    if isinstance(node, exp.Anonymous) and node.name.upper() == "HASH":
        return exp.Anonymous(this="sandbox_hash", expressions=[_hash(node.expressions)])
    return node


def _is_date(*values: Expr) -> bool:
    return all(isinstance(v, exp.Cast) and v.to.this == exp.DataType.Type.DATE for v in values)


def _is_one_bit(shift: Expr) -> bool:
    """One of the 63 low bits: `1 << (n & 31)`, which needs no number of 128 bits."""
    by = shift.expression.unnest()
    most = by.expression if isinstance(by, exp.BitwiseAnd) else by
    return shift.this == exp.Literal.number(1) and most.is_int and isinstance(most, exp.Literal) and int(most.name) < 63


def _strftime(form: Expr) -> str:
    """DuckDB's form of a date or time format; number formats are not there."""
    text = form.name if isinstance(form, exp.Literal) else ""
    pieces = _FORMAT.findall(text)
    if not text or "".join(pieces) != text:
        raise unsupported(f"TO_CHAR with the format {form.sql('snowflake')}")
    return "".join(_STRFTIME.get(p.upper()) or p.strip('"') for p in pieces)


def _hash(arguments: list[Expr]) -> Expr:
    # The constant keeps DuckDB's hash(0) = 0 from making rows invisible in the sum.
    return exp.Anonymous(this="hash", expressions=[*(_argument(a) for a in arguments), exp.Literal.number(1)])


def _argument(argument: Expr) -> Expr:
    """A column, or a star spread over the arguments, with EXCLUDE kept."""
    if not argument.is_star:
        # What is put in the place of HASH is not looked into any more.
        return argument.copy().transform(_own, copy=False)
    return exp.Var(this=f"*COLUMNS({argument.sql('duckdb')})")
