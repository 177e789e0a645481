"""A stranger who takes sshd's places for connections that have not logged in: ``crowd.py MODE ADDRESS COUNT SECONDS``.

``idle`` keeps COUNT connections open and says nothing, ``flood`` opens COUNT connections a second, reads a banner and
goes away. Both use the given source addresses in turn. Bounded in count and time; prints what it got as JSON.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import time
import typing as t

# Never more than these at once, whatever the rate is and however slowly the other side answers.
MOST = 3000


class Crowd:
    """Connections to one port, each from the next source address."""

    def __init__(self, address: str, port: int, sources: list[str], seconds: float) -> None:
        self.address, self.port = address, port
        self.sources = itertools.cycle(sources or [""])
        self.end = time.monotonic() + seconds
        self.counts = {"opened": 0, "banners": 0, "refused": 0, "held": 0}

    @property
    def left(self) -> float:
        return max(self.end - time.monotonic(), 0.0)

    async def visit(self, stay: float) -> None:
        """Open a connection, read the banner, and stay until the other side ends it or ``stay`` seconds are over."""
        source = next(self.sources)
        try:
            opening = asyncio.open_connection(self.address, self.port, local_addr=(source, 0) if source else None)
            reader, writer = await asyncio.wait_for(opening, min(self.left, 5) + 0.1)
        except (TimeoutError, OSError):
            self.counts["refused"] += 1
            return
        self.counts["opened"] += 1
        try:
            if (await asyncio.wait_for(reader.readline(), min(stay, self.left) + 0.1)).startswith(b"SSH-"):
                self.counts["banners"] += 1
                self.counts["held"] += 1
                try:
                    await asyncio.wait_for(reader.read(), min(stay, self.left))
                finally:
                    self.counts["held"] -= 1
        except (TimeoutError, OSError):
            pass
        finally:
            writer.close()

    async def idle(self, count: int) -> None:
        async def again() -> None:
            while self.left:
                await self.visit(self.left)
                await asyncio.sleep(0.5)

        async def see() -> None:
            await asyncio.sleep(self.left * 0.8)
            self.counts["seen"] = self.counts["held"]

        await asyncio.gather(see(), *(again() for _one in range(count)))

    async def flood(self, rate: int) -> None:
        running: set[asyncio.Task[None]] = set()
        begin, made = time.monotonic(), 0
        while self.left:
            while made < (time.monotonic() - begin) * rate and len(running) < MOST:
                task = asyncio.ensure_future(self.visit(0.5))
                running.add(task)
                task.add_done_callback(running.discard)
                made += 1
            await asyncio.sleep(0.005)
        self.counts["made"] = made
        if running:
            await asyncio.wait(running, timeout=6)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("mode", choices=["idle", "flood"])
    parser.add_argument("address")
    parser.add_argument("count", type=int)
    parser.add_argument("seconds", type=float)
    parser.add_argument("--port", type=int, default=22)
    parser.add_argument("--sources", nargs="*", default=[])
    given: t.Any = parser.parse_args()
    crowd = Crowd(given.address, given.port, given.sources, min(given.seconds, 120))

    async def attack() -> None:
        await getattr(crowd, given.mode)(min(given.count, MOST))

    asyncio.run(attack())
    print(json.dumps(crowd.counts))


if __name__ == "__main__":
    main()
