"""Inside the warm process: parse once while hearing what is read; inside its children: start from that.

The counterpart of `dbt_commands`, which parses in full; both end with a manifest that is right for one refresh.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dbt.cli import requires
from dbt.contracts.state import PreviousState
from dbt_common.behavior_flags import BehaviorFlagRendered

from bot import dbt_references
from bot.dbt_again import Base, NotWarm, again
from bot.dbt_commands import Parsed, Reply, tests_of
from bot.dbt_inputs import Inputs
from bot.dbt_part import readable
from bot.dbt_state import State


@dataclass(frozen=True, kw_only=True)
class Warm(Base):
    warnings: int = 0  # deprecations and the like, counted


def parsed(setup: dict[str, Any]) -> Warm:
    """Read the whole project, without starting a thread. Raises Failure with dbt's message."""
    dbt_references.without_threads()
    inputs = Inputs()
    with inputs.recording():
        whole = Parsed(setup, lambda _reply: None)
    whole.manifest.flat_graph = {}  # as large as all the rest, and only right for these inputs
    return Warm(
        manifest=whole.manifest,
        inputs=inputs,
        environment=dict(os.environ),
        vars=setup["vars"],
        warnings=whole.warnings,
    )


def first_time(state: State, directory: Path) -> None:
    """Do once what dbt does the first time only, and every child would do again: make readers of a manifest's JSON."""
    one_of_each = {node.split(".", 1)[0]: node for nodes in state.nodes.values() for node in nodes}
    state.write(one_of_each.values(), directory)
    PreviousState(directory, directory / "target", directory)
    # Only a message that nobody is shown has it, and it costs a look at every loaded module, five times a command.
    BehaviorFlagRendered._default_source = staticmethod(lambda: "dbt")


class FromWarm(Parsed):
    """Starts from a parsed project; parses in full, and says why, where only that is certain to be right."""

    def __init__(self, setup: dict[str, Any], send: Callable[[Reply], None], base: Warm, state: State | None) -> None:
        self._base, self._state = base, state
        super().__init__(setup, send)

    def read(self) -> Any:
        try:
            return self._from_base()
        except NotWarm as why:
            reason = str(why)
        except Exception as error:
            reason = f"dbt could not read the model by itself ({type(error).__name__})"
        self.send({"event": "ParsingInFull", "why": reason})
        return super().read()

    def _from_base(self) -> Any:
        whole = self._base.manifest
        wanted = self._wanted(whole)
        reason: list[NotWarm] = []

        def parse_manifest(config: Any, *_: object) -> Any:
            try:
                return again(self._base, config, wanted, dict(os.environ), full_refresh=self.setup["full_refresh"])
            except NotWarm as why:
                reason.append(why)
                raise

        with _instead(requires, "parse_manifest", parse_manifest):
            outcome = self.invoke("parse", [], may_fail=True)
        if reason:
            raise reason[0]
        if not outcome.success:
            raise NotWarm("dbt could not read the model by itself")
        self._write_state(outcome.result, wanted)
        outcome.result.build_flat_graph = lambda: None  # dbt makes it for every command, and nothing here looks at it
        return outcome.result

    def _wanted(self, whole: Any) -> set[str]:
        uid = self.setup["unique_id"]
        if uid not in whole.nodes:
            raise NotWarm("the model is not enabled without what was given")
        names = set(self.setup["analyses"])
        found = {uid} | {n.unique_id for n in whole.nodes.values() if n.resource_type == "analysis" and n.name in names}
        return found | tests_of(whole, uid)

    def _write_state(self, manifest: Any, wanted: set[str]) -> None:
        """Of production's manifest what these nodes read themselves; dbt would load the rest for nothing."""
        if self._state is None or self._state.directory != self.setup["state_dir"]:
            return
        directory = Path(self.setup["target_path"]) / "state"
        self._state.write(readable(manifest, wanted), directory)
        self.setup["state_dir"] = str(directory)


@contextlib.contextmanager
def _instead(owner: Any, name: str, new: Any) -> Iterator[None]:
    before = getattr(owner, name)
    setattr(owner, name, new)
    try:
        yield
    finally:
        setattr(owner, name, before)
