"""Keeps processes running side by side: starts again what dies, passes their output on, ends them together.

`manage.py run` prepares the installation and then becomes this, so nothing here may import Django: that would hold 40 MB for
nothing.
"""

import os
import selectors
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import IO

from config.server import prctl

MANAGE = Path(__file__).resolve().parents[2] / "manage.py"
QUICK_SECONDS = 10.0
"""Whoever lived shorter than this died at once."""
MOST_PAUSE = 30.0
PATIENCE_SECONDS = 30.0
"""How long processes may take to end before they are killed. The worker finishes its picture meanwhile."""
STOPPING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
LONGEST_LINE = 64 * 1024


def main() -> None:
    """Web and worker. The argument is the directory to work in, which relative paths in the environment are about."""
    prctl.hide_memory()  # secrets may stand in its environment
    os.chdir(sys.argv[1])
    manage = [sys.executable, "-u", str(MANAGE)]
    Supervisor({"web": [*manage, "serve"], "worker": [*manage, "run_huey"]}).run()


def pause(quick_deaths: int) -> float:
    """Seconds before the next start: none after a long life; 1, 2, 4 … after dying at once again and again."""
    return min(2.0 ** (quick_deaths - 1), MOST_PAUSE) if quick_deaths else 0.0


class Supervisor:
    def __init__(self, commands: Mapping[str, list[str]], patience: float = PATIENCE_SECONDS) -> None:
        width = max(map(len, commands))
        self._processes = [Process(name, command, name.ljust(width)) for name, command in commands.items()]
        self._patience = patience
        self._selector = selectors.DefaultSelector()
        self._stops = 0
        self._kill_at = 0.0

    def run(self) -> None:
        """Until SIGINT, SIGTERM or SIGHUP, and then until every process has ended. A second signal kills them at once."""
        alarm = self._watch_signals()
        while not self._stops or any(process.is_running for process in self._processes):
            self._look_after_processes(time.monotonic())
            self._pass_on_output(alarm, timeout=1.0)
        self._pass_on_output(alarm, timeout=0)

    def _watch_signals(self) -> socket.socket:
        """A socket that becomes readable at a signal, so that waiting for output ends at once."""
        reading, writing = socket.socketpair()
        reading.setblocking(False)
        writing.setblocking(False)
        signal.set_wakeup_fd(writing.detach(), warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        for sign in STOPPING:
            if sign != signal.SIGHUP or signal.getsignal(sign) != signal.SIG_IGN:  # nohup means it to live on
                signal.signal(sign, self._stop)
        self._selector.register(reading, selectors.EVENT_READ)
        return reading

    def _stop(self, *_: object) -> None:
        self._stops += 1

    def _look_after_processes(self, now: float) -> None:
        for process in self._processes:
            if status := process.reap(now):
                _say(f"{process.name} {status}")
            if self._stops:
                self._end(process, now)
            elif not process.is_running and process.due <= now:
                self._selector.register(process.start(now), selectors.EVENT_READ, process)

    def _end(self, process: "Process", now: float) -> None:
        if not self._kill_at:
            self._kill_at = now + self._patience
            _say("Stopping. What is in work is finished first; once more stops at once.")
        if self._stops > 1 or now > self._kill_at:
            process.kill()
        else:
            process.terminate()

    def _pass_on_output(self, alarm: socket.socket, timeout: float) -> None:
        for key, _ in self._selector.select(timeout):
            if key.fileobj is alarm:
                with suppress(BlockingIOError):
                    alarm.recv(4096)
            elif not key.data.pass_on(key.fileobj):
                self._selector.unregister(key.fileobj)


class Process:
    """One of the processes: started when it is due, and due again when it died."""

    def __init__(self, name: str, command: list[str], label: str) -> None:
        self.name, self.due = name, 0.0
        self._command, self._prefix = command, f"{label} | ".encode()
        self._child: subprocess.Popen[bytes] | None = None
        self._started, self._quick_deaths, self._is_asked = 0.0, 0, False
        self._half_line = b""

    @property
    def is_running(self) -> bool:
        return self._child is not None

    def start(self, now: float) -> IO[bytes]:
        """Answers its output."""
        self._started = now
        self._child = subprocess.Popen(
            self._command,
            bufsize=0,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # Ctrl-C is for the supervisor alone, who then asks politely
            preexec_fn=partial(prctl.end_with, os.getpid(), signal.SIGTERM),
        )
        assert self._child.stdout is not None
        return self._child.stdout

    def reap(self, now: float) -> str | None:
        """What to say of its death, if it has just died and that is news; its whole family is dead then."""
        if self._child is None or (code := self._child.poll()) is None:
            return None
        with suppress(ProcessLookupError):  # what it leaves behind would keep the port, or work on unseen
            os.killpg(self._child.pid, signal.SIGKILL)
        self._child = None
        self._quick_deaths = self._quick_deaths + 1 if now - self._started < QUICK_SECONDS else 0
        wait = pause(self._quick_deaths)
        self.due = now + wait
        ended = f"ended by {signal.Signals(-code).name}" if code < 0 else f"ended with status {code}"
        if self._is_asked:
            return ended if code else None
        return f"{ended}; it starts again{f' in {wait:g} s' if wait else ''}"

    def terminate(self) -> None:
        """Ask it to end, once."""
        if self._child and not self._is_asked:
            self._child.terminate()
        self._is_asked = True

    def kill(self) -> None:
        if self._child:
            with suppress(ProcessLookupError):
                os.killpg(self._child.pid, signal.SIGKILL)

    def pass_on(self, output: IO[bytes]) -> bool:
        """Print what it said, in whole lines; False at the end."""
        said = output.read(LONGEST_LINE)
        *lines, self._half_line = (self._half_line + said).split(b"\n")
        if self._half_line and (not said or len(self._half_line) > LONGEST_LINE):
            lines.append(self._half_line)
            self._half_line = b""
        _print(b"".join(self._prefix + line + b"\n" for line in lines))
        if not said:
            output.close()
        return bool(said)


def _say(words: str) -> None:
    _print(f"{words}\n".encode())


def _print(words: bytes) -> None:
    with suppress(OSError):  # nobody reads any more; that is no reason to stop
        while words:
            words = words[os.write(1, words) :]


if __name__ == "__main__":
    main()
