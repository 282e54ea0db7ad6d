"""Numbers that a statement may be answered with, as far as public sources have them; none of them is complete."""

from __future__ import annotations

from snowflake.connector import errorcode, network

#: The connector's own: Snowflake said nothing.
OF_CONNECTOR = frozenset(code for name, code in vars(errorcode).items() if name.startswith("ER_"))
#: Tokens, sessions and log-ins.
OF_LOGIN = frozenset(
    int(code)
    for name, found in vars(network).items()
    if name.endswith(("GS_CODE", "GS_CODES"))
    for code in ([found] if isinstance(found, str) else found)
)
_STATEMENTS = {
    0,
    1,
    603,
    604,
    606,
    625,
    630,
    707,
    900,
    1007,
    2002,
    2057,
    2140,
    3003,
    3013,
    3540,
    90_073,
    90_106,
    93_044,
}
_STATEMENTS |= {100_035, 100_038, 100_051, 100_072, 100_078, 100_090, 200_001, 300_002, 300_010, 370_001, 999_999}
_SESSIONS = {390_100, 390_104, 390_111, 390_189, 390_201, 390_302, 390_420, 390_422, 390_432, 394_400, 395_090}
OF_SERVER = frozenset(_STATEMENTS | _SESSIONS)
#: The connector's own affair: it renews the token and asks again.
RENEWED = 390_112
KNOWN = OF_CONNECTOR | OF_LOGIN | OF_SERVER


def six(code: int) -> str:
    """A number as Snowflake's answers have it."""
    return f"{code:06d}"
