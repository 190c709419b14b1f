"""A server of ours as a process: started with its output in a file, waited for, stopped politely."""

import asyncio
from asyncio.subprocess import STDOUT, Process
from collections.abc import Awaitable, Callable, Mapping, Sequence
import os
from pathlib import Path
import signal
import socket

import aiohttp


class ServerError(Exception):
    """A server that did not start; the message has the end of its output."""


def free_port() -> int:
    """A port of 127.0.0.1 that nothing listens on at the moment."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


def _is_listened_on(port: int) -> bool:
    with socket.socket() as caller:
        return caller.connect_ex(("127.0.0.1", port)) == 0


class Server:
    """A process that serves HTTP on 127.0.0.1."""

    def __init__(self, name: str, port: int, log: Path) -> None:
        self.name = name
        self.port = port
        self.log = log
        self.url = f"http://127.0.0.1:{port}"
        self._process: Process | None = None

    async def start(
        self,
        command: Sequence[str | Path],
        *,
        folder: Path,
        environment: Mapping[str, str],
        ready: Callable[[], Awaitable[bool]],
        seconds: float,
    ) -> None:
        """Run the command and wait until `ready` says so; a connection that is refused means not yet."""
        if _is_listened_on(self.port):
            raise ServerError(f"{self.name} cannot start: something else listens on port {self.port}. Choose another one.")
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as output:
            # A session of its own: Ctrl-C in the terminal reaches us alone, and we stop our servers in order.
            self._process = await asyncio.create_subprocess_exec(
                *command,
                cwd=folder,
                env=os.environ | environment,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=output,
                stderr=STDOUT,
                start_new_session=True,
            )
        try:
            async with asyncio.timeout(seconds):
                await self._wait_until(ready)
        except TimeoutError:
            await self.stop()
            raise ServerError(f"{self.name} was not ready after {seconds:.0f} s:\n{self._last_words()}") from None
        except BaseException:
            # Nobody gets to stop what has not started.
            await self.stop()
            raise

    async def _wait_until(self, ready: Callable[[], Awaitable[bool]]) -> None:
        assert self._process is not None
        while self._process.returncode is None:
            try:
                if await ready():
                    return
            except aiohttp.ClientConnectionError:
                pass
            await asyncio.sleep(0.1)
        raise ServerError(f"{self.name} stopped with exit code {self._process.returncode}:\n{self._last_words()}")

    async def wait(self) -> int:
        """Wait until the process ends by itself; its exit code."""
        assert self._process is not None
        return await self._process.wait()

    async def stop(self, seconds: float = 120) -> None:
        """Interrupt the process, as Ctrl-C does; end it when it has not stopped in time."""
        if self._process is None or self._process.returncode is not None:
            return
        self._process.send_signal(signal.SIGINT)
        try:
            async with asyncio.timeout(seconds):
                await self._process.wait()
        except TimeoutError:
            os.killpg(self._process.pid, signal.SIGKILL)
            await self._process.wait()

    def _last_words(self) -> str:
        return "\n".join(self.log.read_text(encoding="utf-8", errors="replace").splitlines()[-30:])
