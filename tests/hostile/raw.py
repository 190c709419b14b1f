"""Servers that say what they like, byte by byte."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

type Script = Callable[[asyncio.StreamWriter], AsyncIterator[bytes]]


@dataclass
class RawServer:
    """A server on this machine. `heard` are the heads of the requests that came."""

    script: Script
    url: str = ""
    heard: list[bytes] = field(default_factory=list)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer every request of a connection with the script, and hang up."""
        with suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            self.heard.append(await reader.readuntil(b"\r\n\r\n"))
            async for part in self.script(writer):
                writer.write(part)
                await writer.drain()
        writer.close()


def saying(*parts: bytes) -> Script:
    """Return a script of these parts."""

    async def script(_writer: asyncio.StreamWriter) -> AsyncIterator[bytes]:
        for part in parts:
            yield part

    return script


def forever(begin: bytes, part: bytes, every: float = 0.0) -> Script:
    """Return a script that repeats a part until the other side hangs up, with real seconds in between."""

    async def script(writer: asyncio.StreamWriter) -> AsyncIterator[bytes]:
        yield begin
        while not writer.is_closing():
            yield part
            await asyncio.sleep(every)

    return script


@asynccontextmanager
async def listening(script: Script) -> AsyncIterator[RawServer]:
    """Run a server."""
    raw = RawServer(script)
    tasks: set[asyncio.Task[None]] = set()

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        await raw.serve(reader, writer)

    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    raw.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield raw
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def http(body: bytes = b"", *, status: str = "200 OK", **headers: str) -> bytes:
    """Return an answer with a body; `_` stands for `-` in names of headers."""
    lines = [f"HTTP/1.1 {status}", *(f"{name.replace('_', '-')}: {value}" for name, value in headers.items())]
    if "Content_Length" not in headers and "Transfer_Encoding" not in headers:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + body
