"""The page: static files, a snapshot of what one person sees, and a stream that says when to fetch it again."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import asdict
from functools import partial
from pathlib import Path

from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response, StreamingResponse
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from sandbox.slack import api_files
from sandbox.slack.control import SlackControl
from sandbox.slack.state import Json, State
from sandbox.slack.workspace import Channel, Person

STATIC = Path(__file__).parent / "static"
HEARTBEAT_SECONDS = 15.0


def page_routes(state: State, control: SlackControl) -> list[Route | Mount]:
    return [
        Route("/", _index),
        Route("/archives/{channel}/{message}", _index),
        Route("/files/{file_id}/{name:path}", partial(_file, state)),
        Route("/_page/stream", partial(_stream, state)),
        Route("/_page/seen", partial(_seen, state, control)),
        Mount("/static", StaticFiles(directory=STATIC)),
    ]


async def _index(_: Request) -> Response:
    return FileResponse(STATIC / "index.html")


async def _file(state: State, request: Request) -> Response:
    return api_files.download(request, state)


async def _seen(state: State, control: SlackControl, request: Request) -> Response:
    """Everything on one person's screen: `?user=&channel=&thread=`."""
    return JSONResponse(
        seen(state, control, **{k: request.query_params.get(k, "") for k in ("user", "channel", "thread")})
    )


def seen(state: State, control: SlackControl, user: str, channel: str, thread: str) -> Json:
    """The snapshot the page draws: the workspace, this channel, this thread, the open form and App Home.

    Raises KeyError for an unknown person or channel.
    """
    person = state.workspace.person(user)
    with state.changed:
        return {
            "revision": state.revision,
            "workspace": _workspace(state),
            "me": person.id,
            "channels": [
                _channel(state, c, person) for c in state.workspace.channels.values() if person.id in c.members
            ],
            "messages": _merged(state.roots(channel), _private(state, person, channel, "")),
            "thread": _merged(state.thread(channel, thread), _private(state, person, channel, thread))
            if thread
            else [],
            "modal": control.modal(user),
            "depth": len(state.modals.get(person.id, [])),
            "home": control.home(user),
            "connected": control.connections() > 0 or bool(control.interactions.delivery.request_url),
        }


def _workspace(state: State) -> Json:
    workspace = state.workspace
    return {
        "name": workspace.name,
        "team_id": workspace.team_id,
        "people": [asdict(p) for p in workspace.people.values()],
        "groups": [asdict(g) for g in workspace.groups.values()],
        "channel_names": {c.id: c.name for c in workspace.channels.values()},
        "app": asdict(workspace.app),
    }


def _channel(state: State, channel: Channel, person: Person) -> Json:
    roots, private = state.roots(channel.id), _private(state, person, channel.id, None)
    everything = [*state.messages.get(channel.id, ()), *private]
    return {
        "id": channel.id,
        "name": channel.name,
        "topic": channel.topic,
        "is_ext_shared": channel.is_ext_shared,
        "is_private": channel.is_private,
        "members": len(channel.members),
        "latest": max((m["ts"] for m in everything if m["user"] != person.id), default="0"),
        "count": len(roots),
    }


def _private(state: State, person: Person, channel: str, thread: str | None) -> list[Json]:
    """Ephemerals of one person in a channel, in one thread, or (`thread=None`) anywhere in the channel."""
    mine = [m for m in state.ephemerals if m["to"] == person.id and m["channel"] == channel]
    return [m for m in mine if thread is None or m.get("thread_ts", "") == thread]


def _merged(messages: list[Json], private: list[Json]) -> list[Json]:
    return sorted((*messages, *private), key=lambda m: float(m["ts"]))


async def _stream(state: State, _: Request) -> Response:
    return StreamingResponse(_ticks(state), media_type="text/event-stream", headers={"Cache-Control": "no-store"})


async def _ticks(state: State) -> AsyncIterator[str]:
    """The revision, each time it has changed; a comment now and then keeps the connection open."""
    loop = asyncio.get_running_loop()
    woken = asyncio.Event()
    listener = partial(loop.call_soon_threadsafe, woken.set)
    state.listeners.add(listener)
    try:
        while not state.stopping.is_set():
            woken.clear()
            yield f"data: {state.revision}\n\n"
            with suppress(TimeoutError):
                await asyncio.wait_for(woken.wait(), HEARTBEAT_SECONDS)
    finally:
        state.listeners.discard(listener)
