"""Reads corpus.txt: raw requests, and what becomes of each."""

import dataclasses
import pathlib
import re

FILE = pathlib.Path(__file__).with_name("corpus.txt")

MACROS = {
    "{POST}": r"POST /olla/proxy/a HTTP/1.1\r\nHost: g\r\n",
    "{GET}": r"GET /olla/proxy/a HTTP/1.1\r\nHost: g\r\n",
    "{chunked}": r"Transfer-Encoding: chunked\r\n",
    "{next}": r"GET /olla/proxy/next HTTP/1.1\r\nHost: g\r\n\r\n",
}
ESCAPES = {"r": b"\r", "n": b"\n", "t": b"\t", "\\": b"\\"}


@dataclasses.dataclass(frozen=True)
class Request:
    """A request as the backend reads it: method and target, and the content of its body."""

    line: str
    body: bytes = b""

    def __str__(self) -> str:
        text = self.line if len(self.line) < 50 else self.line[:46] + "…"
        if not self.body:
            return text
        body = shown(self.body)
        return f'{text} "{body if len(body) < 40 else body[:36] + "…"}"'


@dataclasses.dataclass
class Case:
    """One case of the corpus; `end` is keep, close or wait."""

    group: str
    rule: str
    name: str
    data: bytes = b""
    statuses: list[int] = dataclasses.field(default_factory=list)
    end: str = ""
    requests: list[Request] = dataclasses.field(default_factory=list)
    may_begin: bool = False
    why: str = ""


def shown(data: bytes) -> str:
    """Bytes with their escapes visible."""
    names = {13: r"\r", 10: r"\n", 9: r"\t", 92: r"\\"}
    return "".join(
        names.get(byte) or (chr(byte) if 32 <= byte < 127 else f"\\x{byte:02x}") for byte in data
    )


def bytes_of(text: str) -> bytes:
    """The bytes that a text of the corpus stands for."""
    for name, meaning in MACROS.items():
        text = text.replace(name, meaning)
    text = re.sub(r"\{([^{}]*)\*(\d+)\}", lambda match: match[1] * int(match[2]), text)
    parts = re.split(r"\\(x[0-9a-f]{2}|[rnt\\])", text)
    data = b""
    for index, part in enumerate(parts):
        if index % 2 == 0:
            data += part.encode()
        elif part[0] == "x":
            data += bytes([int(part[1:], 16)])
        else:
            data += ESCAPES[part]
    return data


def request_of(text: str) -> Request:
    """A `|` line of the corpus."""
    match = re.fullmatch(r'(\S+ \S+)(?: "(.*)")?', text)
    if not match:
        raise ValueError(text)
    return Request(bytes_of(match[1]).decode(), bytes_of(match[2] or ""))


def cases(path: pathlib.Path = FILE) -> list[Case]:
    """All cases of a file, in its order."""
    found: list[Case] = []
    group = ""
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        mark, _, rest = line.partition(" ")
        if not line or mark == "#":
            continue
        if mark == "==":
            group = rest
        elif heading := re.fullmatch(r"\[([\w. -]+)\] (.+)", line):
            found.append(Case(group, heading[1], heading[2]))
        elif mark == ">":
            found[-1].data += bytes_of(rest)
        elif mark == "<":
            *statuses, found[-1].end = rest.split()
            found[-1].statuses = [int(status) for status in statuses]
        elif mark == "|":
            found[-1].requests.append(request_of(rest))
        elif mark == "|~":
            found[-1].may_begin = True
        elif mark == "!":
            found[-1].why = rest
        elif mark not in ("|+", "|-"):
            raise ValueError(f"{path}:{number}: {line}")
    return found
