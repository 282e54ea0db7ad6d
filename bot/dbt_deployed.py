"""Production's manifest: fetched from `[dbt] state`, or parsed by us, and kept in one place for every build to defer to."""

from __future__ import annotations

import http.client
import json
import shutil
import urllib.error
import urllib.request
import uuid
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from bot.errors import RefreshError, Unfetched
from bot.wording import dbt as wording
from bot.wording.text import without_credentials

_WITHIN = 60.0  # seconds


class Deployed:
    """`where` is `[dbt] state` (a directory, a file or a URL; may be empty), `directory` where our copy is."""

    def __init__(self, where: str, directory: Path) -> None:
        self._where, self.directory = where, directory
        self._code: dict[str, str] | None = None

    @property
    def there(self) -> bool:
        """Whether there is a copy, from this start or an earlier one."""
        return self._kept.exists()

    def mark(self) -> str:
        """What changes when production is deployed anew; "" without `[dbt] state`, or where its server does not say."""
        if not self._where:
            return ""
        if not self._remote:
            path = self._local
            return f"{path.stat().st_mtime_ns}" if path.exists() else ""
        request = urllib.request.Request(self._url, method="HEAD")
        try:
            with urllib.request.urlopen(request, timeout=_WITHIN) as answer:
                return str(answer.headers.get("ETag") or answer.headers.get("Last-Modified") or "")
        except (urllib.error.URLError, TimeoutError):
            return ""

    def fetch(self, place: Path) -> Path:
        """The deployed manifest as a file, downloaded into `place` where it is remote. Raises Unfetched."""
        if not self._remote:
            return self._local
        downloaded = place / "manifest.json"
        try:
            with urllib.request.urlopen(self._url, timeout=_WITHIN) as answer, downloaded.open("wb") as file:
                shutil.copyfileobj(answer, file)
        except (OSError, http.client.HTTPException) as error:  # the connection may also end in the middle
            raise Unfetched(
                wording.no_state(without_credentials(self._url)), without_credentials(str(error))
            ) from error
        return downloaded

    def keep(self, manifest: Path) -> dict[str, Any]:
        """A copy of our own, replaced in one step: a running build reads it while a new one comes in. Its contents.

        What is no manifest, such as one that is just being written or a page to log in, leaves the copy as it is.
        Raises RefreshError.
        """
        self.directory.mkdir(parents=True, exist_ok=True)
        fresh = self.directory / f"manifest.json.{uuid.uuid4().hex}"
        try:
            shutil.copyfile(manifest, fresh)
            content = _checked(json.loads(fresh.read_text(encoding="utf-8")))
            fresh.replace(self._kept)
        except (OSError, ValueError) as error:
            fresh.unlink(missing_ok=True)
            raise RefreshError(wording.no_state(without_credentials(self._where)), str(error)) from error
        self._code = None
        return content

    def code(self, unique_ids: Iterable[str]) -> dict[str, str]:
        """The code of these nodes, compiled where the manifest has that; read once, since it is large.

        Raises RefreshError before there is a copy.
        """
        found = self._code
        if found is None:
            nodes = self._read()["nodes"].items()
            found = {uid: node.get("compiled_code") or node.get("raw_code") or "" for uid, node in nodes}
            self._code = found
        return {uid: found[uid] for uid in unique_ids if uid in found}

    def _read(self) -> dict[str, Any]:
        try:
            return json.loads(self._kept.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise RefreshError(wording.no_state(str(self._kept)), str(error)) from error

    @property
    def _kept(self) -> Path:
        return self.directory / "manifest.json"

    @property
    def _remote(self) -> bool:
        return self._where.startswith(("https://", "http://"))

    @property
    def _local(self) -> Path:
        return Path(self._where) if self._where.endswith(".json") else Path(self._where) / "manifest.json"

    @property
    def _url(self) -> str:
        return self._where if self._where.endswith(".json") else self._where.rstrip("/") + "/manifest.json"


def _checked(manifest: Any) -> dict[str, Any]:
    """Raises ValueError."""
    if not isinstance(manifest, dict) or not {"nodes", "sources"} <= manifest.keys():
        raise ValueError("not a manifest of dbt")
    return manifest
