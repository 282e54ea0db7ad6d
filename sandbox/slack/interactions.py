"""What people do, carried out: checked against what is on their screen, delivered to the app, its answer applied."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sandbox.slack import api_views, inputs, payloads
from sandbox.slack.api_chat import bot_message, checked_content
from sandbox.slack.delivery import Delivery, Receipt
from sandbox.slack.errors import Impossible, SlackError
from sandbox.slack.state import Json, OpenView, State
from sandbox.slack.validate import check_options, check_view
from sandbox.slack.workspace import Channel, Person

FAILED = {
    "dispatch_failed": "did not work: {app} is not connected.",
    "operation_timed_out": "did not work: {app} took too long to answer (operation_timed_out).",
}


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where an element stands: a message (with its channel) or an open view."""

    person: Person
    blocks: list[Json]
    channel: Channel | None = None
    message: Json | None = None
    opened: OpenView | None = None


@dataclass(frozen=True, kw_only=True)
class Interactions:
    state: State
    delivery: Delivery

    def command(self, person: Person, channel: Channel, line: str) -> Receipt:
        """Send a slash command; its answer, or its failure, is shown to this person only."""
        command, _, text = line.strip().partition(" ")
        known = next((c for c in self.state.workspace.app.commands if c.command == command), None)
        with self.state.changing():
            if known is None:
                self.state.notice(person.id, channel.id, f"`{command}` is not a valid command.", "invalid_command")
                return Receipt(ok=False, error="invalid_command")
            payload = payloads.slash_command(
                self.state, person, channel, command, text.strip(), escape=known.should_escape
            )
        receipt = self.delivery.send("slash_commands", payload, accepts_response=True)
        self._tell(receipt, person, channel.id, f"`{command}`")
        if receipt.ok and receipt.body:
            body = {"text": receipt.body} if isinstance(receipt.body, str) else receipt.body
            with self.state.changing():
                self.answer(person.id, channel.id, body)
        return receipt

    def act(self, place: Place, key: str, raw: Any = None, block_id: str = "") -> Receipt:
        """Press a button or choose a value in a message, a modal or App Home. Raises Impossible."""
        person, state = place.person, self.state
        with state.changing():
            block, element = inputs.find(place.blocks, key, block_id)
            chosen = None
            if element["type"] != "button":
                chosen = inputs.entered(element, raw, state.offered.get((person.id, element["action_id"]), []))
                self._remember(place, block, element, chosen)
                if block["type"] == "input" and not block.get("dispatch_action"):
                    return Receipt(ok=True)
            action = payloads.action_of(state, block, element, chosen)
            if place.opened:
                payload = payloads.view_action(state, person, place.opened, action)
            else:
                assert place.channel
                assert place.message
                payload = payloads.message_action(state, person, place.channel, place.message, action)
        receipt = self.delivery.send("interactive", payload)
        label = element.get("text", {}).get("text") or element["action_id"]
        if place.opened:
            self._notice_in_view(receipt, place.opened)
        elif place.channel and place.message:
            thread_ts = place.message.get("thread_ts", "")
            self._tell(receipt, person, place.channel.id, f"*{label}*", thread_ts)
        return receipt

    def options(self, place: Place, key: str, typed: str) -> list[Json]:
        """Type into an external select and see what the app offers. Raises Impossible."""
        with self.state.changing():
            block, element = inputs.find(place.blocks, key)
            if element["type"] not in {"external_select", "multi_external_select"}:
                raise Impossible(f"{key!r} is a {element['type']}: nothing to type")
            if len(typed) < element.get("min_query_length", 3):
                return []
            payload = payloads.suggestion(self.state, place.person, block, element, typed, _whereabouts(place))
        receipt = self.delivery.send("interactive", payload, accepts_response=True)
        body = receipt.body if isinstance(receipt.body, dict) else {}
        try:
            check_options(body)
        except SlackError as e:
            self.state.record({"kind": "refused", "type": "block_suggestion", "ok": False, **e.answer()})
            body = {}
        groups = [g["options"] for g in body.get("option_groups", [])]
        found = [*body.get("options", []), *(o for group in groups for o in group)]
        with self.state.changing():
            self.state.offered[place.person.id, element["action_id"]] = found
        return found

    def submit(self, person: Person, opened: OpenView, entries: Json) -> Receipt:
        """Fill in and submit the form on top. Missing answers are refused before the app is asked. Raises Impossible."""
        for key, raw in entries.items():
            self._fill(person, opened, key, raw)
        with self.state.changing():
            opened.notice = ""
            entered = inputs.values(opened.view["blocks"], opened.draft)
            opened.errors = inputs.problems(opened.view["blocks"], entered)
            if opened.errors:
                return Receipt(ok=False, error="incomplete")
            payload = payloads.submission(self.state, person, opened)
        receipt = self.delivery.send("interactive", payload, accepts_response=True)
        self._notice_in_view(receipt, opened)
        if receipt.ok:
            with self.state.changing():
                return self._submitted(person, opened, receipt)
        return receipt

    def close(self, person: Person, *, everything: bool = False) -> None:
        """Close the form on top, or the whole stack; the app hears of it when it asked to. Raises Impossible."""
        with self.state.changing():
            stack = self.state.modals.get(person.id, [])
            if not stack:
                raise Impossible("no form is open")
            gone = list(reversed(stack)) if everything or stack[-1].view["clear_on_close"] else [stack[-1]]
            self.state.modals[person.id] = stack[: len(stack) - len(gone)]
            told = [
                payloads.closed(self.state, person, v, is_cleared=len(gone) > 1)
                for v in gone
                if v.view["notify_on_close"]
            ]
        for payload in told:
            self.delivery.send("interactive", payload)

    def shortcut(self, person: Person, callback_id: str) -> Receipt:
        """Start a global shortcut. Raises Impossible when the app has none of that name."""
        if callback_id not in {s.callback_id for s in self.state.workspace.app.shortcuts}:
            raise Impossible(f"the app has no shortcut {callback_id!r}")
        with self.state.changing():
            payload = payloads.shortcut(self.state, person, callback_id)
        return self.delivery.send("interactive", payload)

    def open_home(self, person: Person) -> Receipt:
        """Look at the app's Home tab; it is published by the app's answer to the event."""
        if "app_home_opened" not in self.state.workspace.app.events:
            return Receipt(ok=True)
        with self.state.changing():
            home = self.state.homes.get(person.id)
            inner: Json = {"type": "app_home_opened", "channel": f"D{person.id[1:]}", "tab": "home"}
            payload = payloads.event(self.state, person, inner | ({"view": home.view} if home else {}))
        return self.delivery.send("events_api", payload)

    def answer(self, user: str, channel: str, body: Json, thread_ts: str = "") -> None:
        """Show what an app answered to a command or sent to a response URL: private unless it says otherwise.

        Raises SlackError.
        """
        message = bot_message(self.state, checked_content(self.state, body.get("text") or "", body.get("blocks")))
        message |= {"thread_ts": thread_ts} if thread_ts else {}
        if body.get("response_type") == "in_channel":
            self.state.add_message(channel, message)
        else:
            self.state.add_ephemeral(user, channel, message)

    # --- inside -----------------------------------------------------------------------------------------------------

    def _fill(self, person: Person, opened: OpenView, key: str, raw: Any) -> None:
        """Enter one value; into an external select it is typed, and taken from what the app then offers."""
        block, element = inputs.find(opened.view["blocks"], key)
        place = Place(person=person, blocks=opened.view["blocks"], opened=opened)
        if element["type"] == "external_select" and isinstance(raw, str) and raw:
            offered = self.state.offered.get((person.id, element["action_id"]), [])
            if not any(raw in (o["value"], o["text"]["text"]) for o in offered):
                self.options(place, element["action_id"], raw)
        with self.state.changing():
            chosen = inputs.entered(element, raw, self.state.offered.get((person.id, element["action_id"]), []))
            self._remember(place, block, element, chosen)

    def _remember(self, place: Place, block: Json, element: Json, chosen: Json) -> None:
        if place.opened:
            draft = place.opened.draft
        else:
            assert place.message
            draft = self.state.choices.setdefault((place.person.id, place.message["ts"]), {})
        draft.setdefault(block["block_id"], {})[element["action_id"]] = chosen

    def _submitted(self, person: Person, opened: OpenView, receipt: Receipt) -> Receipt:
        """Apply the app's response_action; nothing means: close this form."""
        body = receipt.body if isinstance(receipt.body, dict) else {}
        stack = self.state.modals.get(person.id, [])
        try:
            match body.get("response_action"):
                case None:
                    self.state.modals[person.id] = [v for v in stack if v is not opened]
                case "clear":
                    self.state.modals[person.id] = []
                case "errors":
                    opened.errors = _field_errors(opened, body.get("errors"))
                    return Receipt(ok=False, error="errors", body=body, ack_ms=receipt.ack_ms)
                case "update":
                    check_view(self.state, body.get("view"), "modal")
                    api_views.replace(self.state, opened, body["view"])
                case "push":
                    check_view(self.state, body.get("view"), "modal")
                    api_views.push(self.state, person.id, body["view"])
                case other:
                    raise SlackError("invalid_response_action", response_action=other)
        except SlackError as e:
            self.state.record({"kind": "refused", "type": "view_submission", "ok": False, **e.answer()})
            opened.notice = "We had some trouble connecting. Try again?"
            return Receipt(ok=False, error=e.code, body=body, ack_ms=receipt.ack_ms)
        return receipt

    def _tell(self, receipt: Receipt, person: Person, channel: str, what: str, thread_ts: str = "") -> None:
        if receipt.error in FAILED:
            sentence = FAILED[receipt.error].format(app=self.state.workspace.app.name)
            with self.state.changing():
                self.state.notice(person.id, channel, f"{what} {sentence}", receipt.error, thread_ts)

    def _notice_in_view(self, receipt: Receipt, opened: OpenView) -> None:
        if receipt.error in FAILED:
            with self.state.changing():
                opened.notice = f"That {FAILED[receipt.error].format(app=self.state.workspace.app.name)}"


def _whereabouts(place: Place) -> Json:
    if place.opened:
        container = {"type": "view", "view_id": place.opened.view["id"]}
        return {"container": container, "view": payloads.view_with_state(place.opened)}
    assert place.channel
    assert place.message
    container = {"type": "message", "message_ts": place.message["ts"], "channel_id": place.channel.id}
    found: Json = {"container": container, "channel": {"id": place.channel.id, "name": place.channel.name}}
    return found if place.message.get("is_ephemeral") else found | {"message": place.message}


def _field_errors(opened: OpenView, errors: Any) -> dict[str, str]:
    """Errors belong to input blocks by block_id, at least one. Raises SlackError."""
    known = {b["block_id"] for b in opened.view["blocks"] if b["type"] == "input"}
    if not isinstance(errors, dict) or not errors or not set(errors) <= known:
        raise SlackError("invalid_errors", given=errors, known=sorted(known))
    return dict(errors)
