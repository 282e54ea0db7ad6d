"""Private keys of the two Snowflake users, opened with their own passphrases; neither key nor passphrase leaves this process.

Only what the builder's dbt needs is handed on, the builder's key itself, to the child that logs in with it.
"""

from __future__ import annotations

import base64
from functools import lru_cache
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key

from bot.errors import RefreshError
from bot.wording import warehouse as wording


def opened(user: str, file: Path, passphrase: str) -> Any:
    """The key as the connector takes it; the file is read again once it was exchanged. Raises RefreshError."""
    try:
        return _loaded(file, file.stat().st_mtime_ns, passphrase)
    except (OSError, TypeError, ValueError) as error:  # not there, not a key, another passphrase or none
        raise RefreshError(wording.unusable_key(user), type(error).__name__) from None


def packed(key: Any) -> str:
    """The opened key as text, for the line to a child."""
    return base64.b64encode(key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())).decode()


@lru_cache(maxsize=8)
def _loaded(file: Path, _written: int, passphrase: str) -> Any:
    """A private key, checked once: that takes as long as all the rest of a login, and the connector does it twice."""
    return load_pem_private_key(file.read_bytes(), passphrase.encode() or None)
