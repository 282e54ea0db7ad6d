"""The port that anybody can reach: what is not Slack's is turned away before it is read, and without a traceback."""

from __future__ import annotations

import http.client
import logging
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager

import pytest
from slack_bolt import Ack, App
from slack_bolt.authorization import AuthorizeResult
from slack_sdk.signature import SignatureVerifier

from bot.http_server import LIMIT, PATH, HttpServer

SECRET = "s3cret"
COMMAND = b"command=%2Fdbt-refresh&text=list&user_id=U1&team_id=T1&channel_id=C1"
CHUNK = b"x" * 65_536


class Door:
    """A server in front of one Bolt listener, and what that listener heard."""

    def __init__(self) -> None:
        self.heard: list[str] = []
        app = App(signing_secret=SECRET, authorize=lambda **_: AuthorizeResult(enterprise_id=None, team_id="T1"))

        @app.command("/dbt-refresh")
        def command(ack: Ack, body: dict[str, str]) -> None:
            self.heard.append(body["text"])
            ack()

        self.server = HttpServer(app, 0, "127.0.0.1")
        self.server.start()

    @contextmanager
    def connected(self) -> Iterator[http.client.HTTPConnection]:
        with closing(http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=5)) as connection:
            yield connection

    def post(self, body: bytes = COMMAND, headers: dict[str, str] | None = None) -> int:
        """The status of the answer to a request that is signed, but for what `headers` replaces."""
        with self.connected() as connection:
            connection.request("POST", PATH, body, signed(body) | (headers or {}))
            return status(connection)

    def begin(self, headers: dict[str, str], connection: http.client.HTTPConnection) -> None:
        """The head of a request whose body comes later."""
        connection.putrequest("POST", PATH)
        for name, value in (signed(b"") | headers).items():
            connection.putheader(name, value)
        connection.endheaders()


def status(connection: http.client.HTTPConnection) -> int:
    with connection.getresponse() as response:
        return response.status


def signed(body: bytes, at: int | None = None) -> dict[str, str]:
    timestamp = str(int(time.time()) if at is None else at)
    text = body.decode(errors="replace")
    return {
        "content-type": "application/x-www-form-urlencoded",
        "x-slack-request-timestamp": timestamp,
        "x-slack-signature": SignatureVerifier(SECRET).generate_signature(timestamp=timestamp, body=text) or "",
    }


def send_pieces(connection: http.client.HTTPConnection, size: int) -> None:
    for _ in range(size // len(CHUNK)):
        connection.send(b"%x\r\n%s\r\n" % (len(CHUNK), CHUNK))


@pytest.fixture
def door() -> Iterator[Door]:
    found = Door()
    yield found
    found.server.stop()


def test_a_signed_request_is_heard_and_health_asks_for_no_signature(door: Door) -> None:
    assert door.post() == 200
    assert door.heard == ["list"]
    with door.connected() as connection:
        connection.request("GET", "/health")
        assert status(connection) == 200


@pytest.mark.parametrize(
    "timestamp", ["", "abc", "1e9", "-1", "nan", "1_0", "0", "99999999999", pytest.param("9" * 5000, id="huge")]
)
def test_a_timestamp_that_is_no_time_of_now_is_401(
    door: Door, timestamp: str, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        assert door.post(headers={"x-slack-request-timestamp": timestamp}) == 401
    assert door.heard == []
    assert not any(record.exc_info for record in caplog.records)


def test_an_old_request_that_was_signed_is_401(door: Door) -> None:
    for at in (int(time.time()) - 3600, int(time.time()) + 3600):
        assert door.post(headers=signed(COMMAND, at)) == 401
    assert door.heard == []


@pytest.mark.parametrize("signature", ["", "v0=", "v0=" + "0" * 64, "v0=\xe9" + "0" * 63, "v1=" + "0" * 64])
def test_a_signature_that_is_none_is_401(door: Door, signature: str, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        assert door.post(headers={"x-slack-signature": signature}) == 401
    assert not any(record.exc_info for record in caplog.records)


def test_bytes_that_are_no_text_are_refused_without_a_traceback(door: Door, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        assert door.post(b"text=\xff\xfe") == 400
    assert not any(record.exc_info for record in caplog.records)


def test_a_body_that_is_announced_as_too_large_is_not_read(door: Door) -> None:
    with door.connected() as connection:
        door.begin({"content-length": str(400 * LIMIT)}, connection)
        assert status(connection) == 413  # before a byte of the body is sent: whoever waited for it would time out here


def test_a_body_in_pieces_is_read_to_the_limit_only(door: Door) -> None:
    with door.connected() as connection:
        door.begin({"transfer-encoding": "chunked"}, connection)
        with pytest.raises(ConnectionError):  # the server hangs up on who goes on
            send_pieces(connection, 64 * LIMIT)
    assert door.post() == 200  # the next one is served


def test_the_largest_request_that_may_be_slacks_is_heard(door: Door) -> None:
    room = LIMIT - len(COMMAND) - len("&filler=")
    assert door.post(COMMAND + b"&filler=" + b"x" * room) == 200
    with door.connected() as connection:
        door.begin({"content-length": str(LIMIT + 1)}, connection)
        assert status(connection) == 413
