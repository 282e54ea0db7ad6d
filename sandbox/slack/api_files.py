"""Web API: external uploads. A URL per file, the bytes, then one message for all of them."""

from __future__ import annotations

import copy
import mimetypes
from typing import Any

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from sandbox.slack import api_chat
from sandbox.slack.errors import SlackError
from sandbox.slack.state import Json, State, StoredFile
from sandbox.slack.web_api import Call, method
from sandbox.slack.workspace import Channel

INLINE = {"image/png", "image/jpeg", "image/gif", "image/webp"}
FILE_LIMIT = 1_000_000_000


@method("files.getUploadURLExternal", "files:write")
def get_upload_url(call: Call) -> Json:
    name, length = call.need("filename"), call.number("length", 0)
    if not 0 < length <= FILE_LIMIT:
        raise SlackError.invalid("invalid_arguments", ["length must be between 1 and the largest file size"])
    state = call.state
    file_id = state.new_id("F")
    state.files[file_id] = StoredFile(
        info=_file_object(state, file_id, name, length, call.text("alt_txt")), length=length
    )
    return {"upload_url": f"{state.url}/upload/v1/{file_id}", "file_id": file_id}


@method("files.completeUploadExternal", "files:write")
def complete_upload(call: Call) -> Json:
    """One message per channel with all files; the comment is its text."""
    wanted = call.data("files")
    if not isinstance(wanted, list) or not wanted:
        raise SlackError.invalid("invalid_arguments", ["files must be a non-empty list"])
    files = [_finished(call.state, item) for item in wanted]
    channels = [c for c in (call.text("channel_id") or call.text("channels")).split(",") if c]
    for stored, item in zip(files, wanted, strict=True):
        stored.completed = True
        stored.info["title"] = item.get("title") or stored.info["title"]
    for channel_id in channels:
        call.args["channel"] = channel_id
        _share(call, call.channel(member=True), files)
    return {"files": [copy.deepcopy(f.info) for f in files]}


@method("files.info", "files:read")
def files_info(call: Call) -> Json:
    stored = call.state.files.get(call.need("file"))
    if stored is None or not stored.completed:
        raise SlackError("file_not_found")
    return {"file": copy.deepcopy(stored.info), "comments": [], "response_metadata": {"next_cursor": ""}}


async def upload(request: Request, state: State) -> Response:
    """The upload URL: takes the raw bytes, once, of exactly the announced length."""
    content = await request.body()
    with state.changing():
        stored = state.files.get(request.path_params["file_id"])
        if stored is None or stored.completed:
            return PlainTextResponse("no such upload", status_code=404)
        if len(content) != stored.length:
            return PlainTextResponse(f"expected {stored.length} bytes", status_code=400)
        stored.content = content
        state.record({"kind": "upload", "method": stored.info["name"], "ok": True, "bytes": len(content)})
    return PlainTextResponse(f"OK - {len(content)}")


def download(request: Request, state: State) -> Response:
    """A shared file for the page; only pictures are shown by the browser, everything else is saved."""
    stored = state.files.get(request.path_params["file_id"])
    if stored is None or stored.content is None or not stored.completed:
        return PlainTextResponse("no such file", status_code=404)
    inline = stored.info["mimetype"] in INLINE and "download" not in request.query_params
    name = stored.info["name"].replace('"', "")
    headers = {
        "Content-Disposition": f'{"inline" if inline else "attachment"}; filename="{name}"',
        "X-Content-Type-Options": "nosniff",
    }
    return Response(stored.content, media_type=stored.info["mimetype"], headers=headers)


def _finished(state: State, item: Any) -> StoredFile:
    stored = state.files.get(item.get("id", "")) if isinstance(item, dict) else None
    if stored is None:
        raise SlackError("file_not_found")
    if stored.content is None:
        raise SlackError("file_update_failed")
    return stored


def _share(call: Call, channel: Channel, files: list[StoredFile]) -> None:
    state = call.state
    thread_ts = api_chat.thread(call, channel.id)
    comment = call.text("initial_comment")
    blocks = call.data("blocks")
    content = api_chat.checked_content(state, comment, blocks) if comment or blocks else {"text": ""}
    message = api_chat.bot_message(state, content) | {"upload": False}
    stored = state.add_message(channel.id, message | ({"thread_ts": thread_ts} if thread_ts else {}))
    share: Json = {"ts": stored["ts"], "channel_name": channel.name, "team_id": state.workspace.team_id}
    if thread_ts:
        share["thread_ts"] = thread_ts
    for file in files:
        shares = file.info["shares"].setdefault("private" if channel.is_private else "public", {})
        shares.setdefault(channel.id, []).append(share)
        if channel.id not in file.info["channels"]:
            file.info["channels"].append(channel.id)
    stored["files"] = [{k: v for k, v in f.info.items() if k != "shares"} for f in files]


def _file_object(state: State, file_id: str, name: str, length: int, alt_text: str) -> Json:
    kind = mimetypes.guess_type(name)[0] or "application/octet-stream"
    link = f"{state.url}/files/{file_id}/{name}"
    return {
        "id": file_id,
        "created": int(state.now()),
        "timestamp": int(state.now()),
        "name": name,
        "title": name,
        "mimetype": "text/plain" if kind.startswith("text/x-") or name.endswith((".sql", ".log")) else kind,
        "filetype": name.rpartition(".")[2].lower() or "binary",
        "pretty_type": (name.rpartition(".")[2] or "file").upper(),
        "user": state.workspace.app.bot_user_id,
        "size": length,
        "mode": "hosted",
        "is_external": False,
        "is_public": True,
        "alt_txt": alt_text,
        "url_private": link,
        "url_private_download": f"{link}?download=1",
        "permalink": link,
        "channels": [],
        "shares": {},
    }
