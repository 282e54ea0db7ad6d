"""Snowflake's results come as Arrow; the connector's reader of these has to be made ready while one thread runs."""

from __future__ import annotations

import base64

from snowflake.connector.arrow_context import ArrowConverterContext
from snowflake.connector.nanoarrow_arrow_iterator import PyArrowRowIterator

_EMPTY = base64.b64decode(b"/////zAAAAAQAAAAAAAKAAwABgAFAAgACgAAAAABBAAMAAAACAAIAAAABAAIAAAABAAAAAAAAAD/////AAAAAA==")


def prepare() -> None:
    """Read a result without columns, once in each process and before its second thread begins.

    The first result that is read makes the reader's logger under a C++ lock (`std::call_once` in `Logging/logging.cpp`
    of snowflake-connector-python 4.7) while it holds Python's own, and may let go of the latter in between: two threads
    that read their first results at once then wait for each other for ever, and so does the whole process.
    """
    list(PyArrowRowIterator(None, _EMPTY, ArrowConverterContext(), False, False, False, True))
