"""A small lexer for Snowflake SQL and a cursor over its tokens, for the statements that sqlglot leaves unparsed."""

from __future__ import annotations

import re
from dataclasses import dataclass

from .errors import syntax

_TOKEN = re.compile(
    r"""(?P<space>\s+|--[^\n]*|//[^\n]*|/\*.*?\*/)
      | (?P<string>'(?:[^'\\]|''|\\.)*'|\$\$.*?\$\$)
      | (?P<quoted>"(?:[^"]|"")*")
      | (?P<number>\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)
      | (?P<word>[^\W\d][\w$]*)
      | (?P<mark>=>|::|.)""",
    re.DOTALL | re.VERBOSE,
)


@dataclass(frozen=True, slots=True)
class Token:
    kind: str  # string, quoted, number, word, mark
    text: str  # as written
    start: int
    end: int

    @property
    def word(self) -> str:
        """The token as a keyword; empty for strings and quoted identifiers, which never are one."""
        return "" if self.kind in ("string", "quoted") else self.text.upper()

    @property
    def identifier(self) -> str:
        """The name it stands for: quoted exactly, otherwise folded to upper case."""
        return self.text[1:-1].replace('""', '"') if self.kind == "quoted" else self.text.upper()

    @property
    def value(self) -> str:
        """The text of a string, or the token as written."""
        if self.kind != "string":
            return self.text
        if self.text.startswith("$$"):
            return self.text[2:-2]
        return re.sub(r"''|\\(.)", lambda m: "'" if m[0] == "''" else m[1], self.text[1:-1], flags=re.DOTALL)


def tokenize(sql: str) -> list[Token]:
    """Every token but white space and comments."""
    return [Token(str(m.lastgroup), m[0], m.start(), m.end()) for m in _TOKEN.finditer(sql) if m.lastgroup != "space"]


def split(sql: str) -> list[str]:
    """The statements of a script, without their semicolons and without empty ones."""
    statements, start = [], None
    for token in tokenize(sql):
        if token.text == ";" and token.kind == "mark":
            if start is not None:
                statements.append(sql[start : token.start].strip())
            start = None
        elif start is None:
            start = token.start
    if start is not None:
        statements.append(sql[start:].strip())
    return statements


class Cursor:
    """Reads a statement's tokens from left to right; every `expect` and `name` raises a syntax error when it fails."""

    def __init__(self, sql: str) -> None:
        self.sql = sql
        self.tokens = tokenize(sql)
        while self.tokens and self.tokens[-1].word == ";":
            self.tokens.pop()
        self.at = 0

    def peek(self, ahead: int = 0) -> str:
        return self.tokens[self.at + ahead].word if self.at + ahead < len(self.tokens) else ""

    @property
    def done(self) -> bool:
        return self.at >= len(self.tokens)

    @property
    def rest(self) -> str:
        return self.sql[self.tokens[self.at].start : self.tokens[-1].end] if not self.done else ""

    def accept(self, *words: str) -> bool:
        """Take these words if they come next, all of them or none."""
        if any(self.peek(i) != word for i, word in enumerate(words)):
            return False
        self.at += len(words)
        return True

    def one_of(self, *words: str) -> str:
        """Take the first of these words that comes next, else return ''."""
        return next((word for word in words if self.accept(*word.split())), "")

    def expect(self, *words: str) -> None:
        if not self.accept(*words):
            raise syntax(self.take().text)

    def take(self) -> Token:
        if self.done:
            raise syntax("<EOF>")
        self.at += 1
        return self.tokens[self.at - 1]

    def identifier(self) -> str:
        token = self.take()
        if token.kind not in ("word", "quoted"):
            raise syntax(token.text)
        return token.identifier

    def name(self) -> tuple[str, ...]:
        """A dotted name of one to three parts."""
        parts = [self.identifier()]
        while self.accept("."):
            parts.append(self.identifier())
        if len(parts) > 3:
            raise syntax(".")
        return tuple(parts)

    def value(self) -> str:
        """A string, number or bare word."""
        return self.take().value

    def end(self) -> None:
        if not self.done:
            raise syntax(self.take().text)

    def options(self) -> dict[str, str]:
        """`KEY = value` pairs up to the end or a word that is no pair; a list `('A', 'B')` becomes `A,B`."""
        found: dict[str, str] = {}
        while self.peek(1) == "=":
            key = self.take().word
            self.take()
            if self.accept("("):
                items = []
                while not self.accept(")"):
                    items.append(self.value())
                    self.accept(",")
                found[key] = ",".join(items)
            else:
                found[key] = self.value()
            self.accept(",")
        return found
