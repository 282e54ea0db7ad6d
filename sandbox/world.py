"""The demo world as one object: both sandboxes seeded and set up by the README's own SQL, keys, and the bot's settings."""

from __future__ import annotations

import re
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from bot.slack_manifest import manifest
from sandbox import incident
from sandbox.slack import SlackSandbox
from sandbox.slack.workspace import InstalledApp, demo
from sandbox.snowflake import SnowflakeSandbox

ROOT = Path(__file__).resolve().parent.parent
PROD_DATABASES = frozenset({"ANALYTICS", "ETHEREUM", "RAW"})
_USERS = ("builder", "promoter")


def setup_sql() -> str:
    """The Snowflake set-up exactly as the README tells people to paste it."""
    section = (ROOT / "README.md").read_text(encoding="utf-8").split("## 2. Snowflake", 1)[1]
    found = re.search(r"```sql\n(.*?)```", section, re.DOTALL)
    if found is None:
        raise LookupError("README.md has no SQL block under '## 2. Snowflake'")
    return found[1]


def local_slack(port: int = 0) -> SlackSandbox:
    """A local Slack in which the bot is installed as its manifest asks: with these scopes and no other."""
    return SlackSandbox(port, workspace=demo(InstalledApp.from_manifest(manifest())))


class World:
    """`directory` takes the keys and refresh.toml; nothing is listened to but 127.0.0.1."""

    def __init__(self, directory: Path, *, slack_port: int = 0) -> None:
        self.directory = directory
        self.snowflake = SnowflakeSandbox()
        self.slack = local_slack(slack_port)

    def start(self, script: str = "") -> None:
        """Start both, seed the incident and run the set-up SQL (`script` instead, for tests of the SQL itself)."""
        self.directory.mkdir(parents=True, exist_ok=True)
        self.snowflake.start()
        incident.seed(self.snowflake)
        self._public = {f"{user.upper()}_PUBLIC_KEY": self._key(user) for user in _USERS}
        self.set_up(script or setup_sql())
        self.slack.start()

    def set_up(self, script: str) -> None:
        """Run the set-up SQL in a seeded account, with the public keys filled in."""
        self.snowflake.run_script(script, **self._public)

    def stop(self) -> None:
        self.slack.stop()
        self.snowflake.stop()

    def environ(self, **more: str) -> dict[str, str]:
        """The bot's environment: the same names as in production, with the sandboxes' addresses."""
        return {
            "SLACK_BOT_TOKEN": self.slack.bot_token,
            "SLACK_APP_TOKEN": self.slack.app_token,
            "SLACK_API_URL": self.slack.api_url,
            "SNOWFLAKE_BUILDER_KEY_FILE": str(self.key_file("builder")),
            "SNOWFLAKE_PROMOTER_KEY_FILE": str(self.key_file("promoter")),
            "REFRESH_CONFIG": str(self.write_settings()),
            **more,
        }

    def key_file(self, user: str) -> Path:
        return self.directory / f"{user}.p8"

    def private_key(self, user: str) -> bytes:
        """The key of `builder` or `promoter` as the connector takes it: DER, PKCS 8."""
        key = serialization.load_pem_private_key(self.key_file(user).read_bytes(), None)
        return key.private_bytes(
            serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )

    def write_settings(self, **replacements: str) -> Path:
        """Fill in `sandbox/refresh.toml`; `replacements` are further exact texts to exchange, for tests."""
        text = (ROOT / "sandbox" / "refresh.toml").read_text(encoding="utf-8")
        known = {
            "<PROJECT_DIR>": str(ROOT / "sandbox" / "project"),
            "<HOST>": self.snowflake.host,
            "<PORT>": str(self.snowflake.port),
            "<DATA_DIR>": str(self.directory / "data"),
        }
        for placeholder, value in {**known, **replacements}.items():
            text = text.replace(placeholder, value)
        path = self.directory / "refresh.toml"
        path.write_text(text, encoding="utf-8")
        return path

    def _key(self, user: str) -> str:
        """Make a key pair as the README's set-up asks for; returns the public half as RSA_PUBLIC_KEY wants it."""
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        private = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        self.key_file(user).write_bytes(private)
        self.key_file(user).chmod(0o600)
        public = key.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        return "".join(public.decode().splitlines()[1:-1])
