"""Holds the output back for ``--quiet``, in files without a name, until it is known whether the run failed.

- Each stream has a file, so that each line is written where it belongs. Streams that are one share a file, so that their order is kept.
- The output of all attempts is held back: that of an attempt which failed is dropped if a later one succeeds.
- If a file cannot be written, as on a full disk, the output is no longer held back: the command must not fail of that.
"""

import os
import tempfile
from functools import partial
from typing import IO

from tocsin.cli.exec.output_tee import OutputTee
from tocsin.cli.exec.routes import Route
from tocsin.cli.exec.signal_pipe import SignalPipe
from tocsin.cli.stderr import complain

_PIECE = 1 << 16  # bytes


class _Replay(Route):
    """A route from a file with output to the streams that it belongs to."""

    __slots__ = ()

    def __init__(self, streams: tuple[int, ...], file: int) -> None:  # it opens no pipe
        self.streams = streams
        self.target = streams[0]
        self.terminal = False
        self.outer = os.dup(file)
        self.inner = -1
        self.overflow = None


class HeldOutput:
    """The output that is held back, up to now."""

    def __init__(self) -> None:
        self._files: dict[tuple[int, ...], IO[bytes]] = {}
        self._open = set[tuple[int, ...]]()  # the streams that are no longer held back
        self._routes: list[Route] = []

    def hold(self, route: Route) -> None:
        """Lead the output of a route into a file, until that cannot be written."""
        if route.streams in self._open:
            return
        try:
            if route.streams not in self._files:
                self._files[route.streams] = tempfile.TemporaryFile(buffering=0)  # noqa: SIM115 - open until the process ends
        except OSError as error:
            self._give_up(route.streams, error)
            return
        route.target = self._files[route.streams].fileno()
        route.overflow = partial(self._overflow, route)
        self._routes.append(route)

    def release(self, signals: SignalPipe) -> None:
        """Write what is held back to the streams that it belongs to. A stop signal ends that.

        What processes write that the command has left behind is dropped from now on.
        """
        nowhere = os.open(os.devnull, os.O_WRONLY)
        for route in self._routes:
            if route.overflow is not None:
                route.overflow, route.target = None, nowhere
        routes: list[Route] = []
        for streams, file in self._files.items():
            if streams not in self._open:
                file.seek(0)
                routes.append(_Replay(streams, file.fileno()))
        OutputTee(routes, signals.wake).finish(signals)
        for file in self._files.values():
            file.close()

    def _overflow(self, route: Route, error: OSError) -> None:
        """Write what is held back of a route, and lead it to its stream from now on."""
        self._give_up(route.streams, error)
        for each in [other for other in self._routes if other.streams == route.streams]:  # also of attempts whose children still write
            each.overflow, each.target = None, route.streams[0]
        file = self._files[route.streams]  # closed by ``release``: until then a thread may know its number
        file.seek(0)
        while piece := file.read(_PIECE):
            while piece:
                piece = piece[os.write(route.target, piece) :]

    def _give_up(self, streams: tuple[int, ...], error: OSError) -> None:
        self._open.add(streams)
        complain(f"--quiet cannot hold the output back: {error.strerror}: make room in {tempfile.gettempdir()}, or set TMPDIR")
