"""An event loop in virtual time, and processes that can be killed between any two of its steps.

No clock, no socket, no thread: waiting costs nothing, and one seed always runs the same way.
"""

import asyncio
from collections.abc import Callable
from contextvars import Context, ContextVar, copy_context
from typing import Any, NoReturn, TypeVarTuple

Ts = TypeVarTuple("Ts")

MS_A_SECOND = 1000

_process: "ContextVar[Process | None]" = ContextVar("process", default=None)


class Stuck(RuntimeError):
    """Nothing is ready and no timer is set: what is waited for cannot come."""


class Process:
    """What runs together and dies together: every callback and task begun from within.

    Killed, it makes no further step: no ``finally`` runs, and what it awaits is never told.
    """

    def __init__(self) -> None:
        self.alive = True
        self._context = copy_context()
        self._context.run(_process.set, self)

    def enter(self, act: Callable[..., object], *args: object) -> None:
        """Do something from outside within the process; nothing happens when it is dead."""
        if self.alive:
            self._context.run(act, *args)

    def kill(self) -> None:
        self.alive = False

    def step(self, act: Callable[..., object], *args: object) -> None:
        if self.alive:
            act(*args)


class _NoSelector:
    """What the loop asks instead of the kernel: to wait is to move the clock."""

    def __init__(self) -> None:
        self.now_s = 0.0

    def select(self, timeout: float | None) -> tuple[()]:
        if timeout is None:
            raise Stuck
        self.now_s += timeout
        return ()

    def get_map(self) -> dict[int, object]:
        return {}

    def close(self) -> None:
        """There is nothing to close."""


class VirtualLoop(asyncio.SelectorEventLoop):
    """Starts at 0 s. ``tasks`` holds every task: none is collected before the loop is closed."""

    def __init__(self) -> None:
        self._virtual = _NoSelector()
        self.tasks: list[asyncio.Task[Any]] = []
        super().__init__(self._virtual)  # type: ignore[arg-type]  # as much of one as is used
        # Timers of one millisecond fire in one turn, whatever rounding made of their times;
        # at 0 a timer could also come due and never be called.
        self._clock_resolution = 1e-6
        self.set_task_factory(self._make_task)

    def time(self) -> float:
        return self._virtual.now_s

    def outside(self, delay_ms: int, act: Callable[..., object], *args: object) -> None:
        """Call ``act`` later on behalf of no process: the network, the disk, the client."""
        self.call_later(delay_ms / MS_A_SECOND, act, *args, context=Context())

    def call_soon(
        self,
        callback: Callable[[*Ts], object],
        *args: *Ts,
        context: Context | None = None,
    ) -> asyncio.Handle:
        owner = _owner(context)
        if owner is None:
            return super().call_soon(callback, *args, context=context)
        return super().call_soon(owner.step, callback, *args, context=context)

    def call_at(
        self,
        when: float,
        callback: Callable[[*Ts], object],
        *args: *Ts,
        context: Context | None = None,
    ) -> asyncio.TimerHandle:
        owner = _owner(context)
        if owner is None:
            return super().call_at(when, callback, *args, context=context)
        return super().call_at(when, owner.step, callback, *args, context=context)

    def end(self) -> None:
        """Close the loop and every task that is not done, without a word of warning."""
        for task in self.tasks:
            if not task.done():
                # What asyncio itself reads before it complains of a task that was dropped.
                task._log_destroy_pending = False  # type: ignore[attr-defined]
                coroutine = task.get_coro()
                if coroutine is not None:
                    coroutine.close()
        self.close()

    def _make_task(
        self, loop: asyncio.AbstractEventLoop, work: Any, **options: Any
    ) -> asyncio.Task[Any]:
        task: asyncio.Task[Any] = asyncio.Task(work, loop=loop, **options)
        self.tasks.append(task)
        return task

    def _forbidden(self, *_: object, **__: object) -> NoReturn:
        raise RuntimeError("a simulation has no threads, sockets, signals or programs")

    def _make_self_pipe(self) -> None:
        """The real one is a pair of sockets."""

    def _close_self_pipe(self) -> None:
        """There is none."""

    def _write_to_self(self) -> None:
        """Nobody else's thread is here."""

    run_in_executor = _forbidden
    call_soon_threadsafe = _forbidden
    add_signal_handler = _forbidden
    create_connection = _forbidden
    create_server = _forbidden
    getaddrinfo = _forbidden
    subprocess_exec = _forbidden
    subprocess_shell = _forbidden


def _owner(context: Context | None) -> Process | None:
    return _process.get() if context is None else context.get(_process, None)
