"""The production manifest, kept small in the warm process; a child writes the few nodes that its model needs.

dbt loads a whole manifest for `--state` with every command, which takes seconds for thousands of models, and looks
only at nodes that are part of the run.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_BY_NODE = ("nodes", "sources")
_EMPTY = ("exposures", "metrics", "groups", "macros", "docs", "disabled", "parent_map", "child_map", "group_map")
_EMPTY_LATER = ("saved_queries", "semantic_models", "unit_tests")


@dataclass(frozen=True)
class State:
    """`directory` is where it was read from; nodes are compressed JSON, since there are thousands."""

    directory: str
    rest: dict[str, Any]
    nodes: dict[str, dict[str, bytes]]

    @classmethod
    def read(cls, directory: str) -> State:
        manifest = json.loads((Path(directory) / "manifest.json").read_text())
        nodes = {
            key: {uid: zlib.compress(json.dumps(node).encode(), 1) for uid, node in manifest.get(key, {}).items()}
            for key in _BY_NODE
        }
        empty = {key: {} for key in (*_EMPTY, *_EMPTY_LATER) if key in manifest}
        kept = {key: value for key, value in manifest.items() if key not in nodes and key not in empty}
        return cls(directory, kept | empty, nodes)

    def write(self, wanted: Collection[str], directory: Path) -> None:
        """manifest.json with these nodes only."""
        directory.mkdir(parents=True, exist_ok=True)
        chosen = {
            key: {uid: json.loads(zlib.decompress(packed[uid])) for uid in wanted if uid in packed}
            for key, packed in self.nodes.items()
        }
        (directory / "manifest.json").write_text(json.dumps(self.rest | chosen))
