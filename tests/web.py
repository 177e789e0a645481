"""Clients of a web server on a test host: a host asks another one by a name that no DNS has."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass, field

from tests.siege import Host


@dataclass(frozen=True)
class WebAnswer:
    """What curl got: the status, the headers in lower case and the text."""

    status: int
    text: str
    headers: dict[str, str] = field(default_factory=dict)


class Client:
    """A host that asks a web server by the name shop.test, wherever that is."""

    def __init__(self, host: Host) -> None:
        self.host = host

    def get(self, target: Host, family: str, url: str = "http://shop.test/", *options: str) -> WebAnswer:
        """Return the answer; its status is 0 where there is none."""
        address = target.address(family)
        pinned = f"[{address}]" if ":" in address else address
        name = re.fullmatch(r"https?://([^/:]+).*", url)
        assert name
        places = [word for port in (80, 443) for word in ("--resolve", f"{name[1]}:{port}:{pinned}")]
        words = ["curl", "-sS", "-k", "-i", "--http1.1", "-m", "15", *places, *options, url]
        printed = self.host.run(shlex.join(words) + " || true").replace("\r\n", "\n")
        head, _empty, text = printed.partition("\n\n")
        first, *lines = head.split("\n")
        status = re.fullmatch(r"HTTP/1.1 (\d+) .*", first)
        if status is None:
            return WebAnswer(0, printed)
        headers = dict(line.lower().split(": ", 1) for line in lines)
        return WebAnswer(int(status[1]), text, headers)
