"""Slack's rules for blocks: which may stand where, their fields and sizes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from sandbox.slack.kit_elements import IN_ACTIONS, INPUTS, PLAIN, Problems, check_element
from sandbox.slack.state import Json

Surface = Literal["message", "modal", "home"]

EVERYWHERE = {"section", "header", "divider", "context", "actions", "image", "input", "rich_text"}
ALLOWED: dict[Surface, set[str]] = {
    "message": EVERYWHERE | {"table", "data_table", "markdown"},
    "modal": EVERYWHERE,
    "home": EVERYWHERE,
}
TABLES = ("table", "data_table")
RICH = {
    "rich_text_section": {"elements"},
    "rich_text_preformatted": {"elements", "border", "language"},
    "rich_text_quote": {"elements", "border"},
    "rich_text_list": {"elements", "style", "indent", "border", "offset"},
}
RUNS = {"text", "link", "user", "usergroup", "channel", "emoji", "broadcast", "date", "color"}


@dataclass
class BlockCheck:
    """Checks the blocks of one surface; `is_picture` says whether a file id is a picture that may be shown."""

    surface: Surface
    problems: Problems
    is_picture: Callable[[str], bool]

    def block(self, block: Any, path: str) -> None:
        kind = block.get("type") if isinstance(block, dict) else None
        if kind not in ALLOWED[self.surface]:
            self.problems.add(f"{path}/type", f"unsupported type: {kind}")
            return
        self.problems.string(block.get("block_id"), f"{path}/block_id", 255, 1)
        getattr(self, f"_{kind}")(block, path)

    def _keys(self, block: Json, path: str, allowed: set[str], *required: str) -> None:
        self.problems.keys(block, path, allowed | {"type", "block_id"}, required)

    def _section(self, block: Json, path: str) -> None:
        self._keys(block, path, {"text", "fields", "accessory", "expand"})
        if not block.get("text") and not block.get("fields"):
            self.problems.add(path, "missing required field: text or fields")
        self.problems.text(block.get("text"), f"{path}/text", 3000)
        if "fields" in block:
            for i, text in enumerate(self.problems.listed(block["fields"], f"{path}/fields", 10)):
                self.problems.text(text, f"{path}/fields/{i}", 2000)
        accessory = block.get("accessory")
        if isinstance(accessory, dict) and accessory.get("type") == "image":
            self._image_parts(accessory, f"{path}/accessory", {"type"})
        elif accessory is not None:
            check_element(self.problems, accessory, f"{path}/accessory", IN_ACTIONS)

    def _header(self, block: Json, path: str) -> None:
        self._keys(block, path, {"text"}, "text")
        self.problems.text(block.get("text"), f"{path}/text", 150, PLAIN)

    def _divider(self, block: Json, path: str) -> None:
        self._keys(block, path, set())

    def _context(self, block: Json, path: str) -> None:
        self._keys(block, path, {"elements"}, "elements")
        for i, element in enumerate(self.problems.listed(block.get("elements"), f"{path}/elements", 10)):
            where = f"{path}/elements/{i}"
            if isinstance(element, dict) and element.get("type") == "image":
                self._image_parts(element, where, {"type"})
            else:
                self.problems.text(element, where, 3000)

    def _actions(self, block: Json, path: str) -> None:
        self._keys(block, path, {"elements"}, "elements")
        elements = self.problems.listed(block.get("elements"), f"{path}/elements", 25)
        for i, element in enumerate(elements):
            check_element(self.problems, element, f"{path}/elements/{i}", IN_ACTIONS)

    def _image(self, block: Json, path: str) -> None:
        self._image_parts(block, path, {"type", "block_id", "title"})
        self.problems.text(block.get("title"), f"{path}/title", 2000, PLAIN)

    def _image_parts(self, image: Json, path: str, allowed: set[str]) -> None:
        self.problems.keys(image, path, allowed | {"image_url", "slack_file", "alt_text"}, ("alt_text",))
        self.problems.string(image.get("alt_text"), f"{path}/alt_text", 2000)
        url, file = image.get("image_url"), image.get("slack_file")
        if (url is None) == (file is None):
            self.problems.add(path, "must have either image_url or slack_file")
        elif url is not None and not str(url).startswith(("http://", "https://")):
            self.problems.add(f"{path}/image_url", "must be a valid URL")
        elif file is not None and not self.is_picture(_file_id(file)):
            self.problems.add(f"{path}/slack_file", "invalid slack file")

    def _input(self, block: Json, path: str) -> None:
        self._keys(block, path, {"label", "element", "hint", "optional", "dispatch_action"}, "label", "element")
        self.problems.text(block.get("label"), f"{path}/label", 2000, PLAIN)
        self.problems.text(block.get("hint"), f"{path}/hint", 2000, PLAIN)
        if block.get("element") is not None:
            check_element(self.problems, block["element"], f"{path}/element", INPUTS)

    def _markdown(self, block: Json, path: str) -> None:
        self._keys(block, path, {"text"}, "text")
        self.problems.string(block.get("text"), f"{path}/text", 12_000)

    def _rich_text(self, block: Json, path: str) -> None:
        self._keys(block, path, {"elements"}, "elements")
        for i, element in enumerate(block.get("elements") or []):
            where = f"{path}/elements/{i}"
            kind = element.get("type") if isinstance(element, dict) else None
            if kind not in RICH:
                self.problems.add(where, f"unsupported type: {kind}")
                continue
            self.problems.keys(element, where, RICH[kind] | {"type"}, ("elements",))
            runs = element.get("elements") or []
            if kind == "rich_text_list":
                runs = [run for item in runs for run in item.get("elements", [])]
            self._runs(runs, where)

    def _runs(self, runs: list[Any], path: str) -> None:
        for run in runs:
            if not isinstance(run, dict) or run.get("type") not in RUNS:
                self.problems.add(path, f"unsupported type: {run.get('type') if isinstance(run, dict) else run}")
            elif run["type"] == "text":
                self.problems.string(run.get("text", ""), f"{path}/text", 12_000, 1)

    def _table(self, block: Json, path: str) -> None:
        self._keys(block, path, {"rows", "column_settings"}, "rows")
        self._rows(block, path, 100)
        for i, setting in enumerate(block.get("column_settings") or []):
            where = f"{path}/column_settings/{i}"
            self.problems.keys(setting or {}, where, {"align", "is_wrapped"})
            if (setting or {}).get("align", "left") not in {"left", "center", "right"}:
                self.problems.add(f"{where}/align", "must be left, center or right")

    def _data_table(self, block: Json, path: str) -> None:
        self._keys(
            block,
            path,
            {"rows", "column_settings", "caption", "page_size", "row_header_column_index"},
            "rows",
            "caption",
        )
        self._rows(block, path, 101)

    def _rows(self, block: Json, path: str, limit: int) -> None:
        for i, row in enumerate(self.problems.listed(block.get("rows"), f"{path}/rows", limit)):
            for j, cell in enumerate(self.problems.listed(row, f"{path}/rows/{i}", 20)):
                self._cell(cell, f"{path}/rows/{i}/{j}")

    def _cell(self, cell: Any, path: str) -> None:
        kind = cell.get("type") if isinstance(cell, dict) else None
        if kind == "raw_text":
            self.problems.keys(cell, path, {"type", "text"}, ("text",))
        elif kind == "raw_number":
            if not isinstance(cell.get("value"), int | float):
                self.problems.add(path, "missing required field: value")
        elif kind == "rich_text":
            self._rich_text({k: v for k, v in cell.items() if k != "block_id"}, path)
        else:
            self.problems.add(path, f"unsupported type: {kind}")


def _file_id(file: Any) -> str:
    """The id in `{"id": ...}` or in the file's own URL."""
    if not isinstance(file, dict):
        return ""
    return str(file.get("id") or str(file.get("url", "")).partition("/files/")[2].partition("/")[0])
