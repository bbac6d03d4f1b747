"""Runs web and worker side by side: restarts processes that exit, prints their output, and stops them together.

`manage.py run` prepares the installation and then executes this module. It must not import Django, which would take 40 MB.
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
QUICK_DEATH_SECONDS = 10.0
"""A process that exits within this time after its start counts as a quick death."""
MAX_PAUSE_SECONDS = 30.0
PATIENCE_SECONDS = 30.0
"""How long processes may take to exit before they are killed. The worker finishes its photo in this time."""
STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
MAX_LINE_BYTES = 64 * 1024


def main() -> None:
    """Runs web and worker. The command-line argument is the working directory, for relative paths in the environment."""
    prctl.hide_memory()  # its environment may contain secrets
    os.chdir(sys.argv[1])
    manage = [sys.executable, "-u", str(MANAGE)]
    Supervisor({"web": [*manage, "serve"], "worker": [*manage, "run_huey"]}).run()


def restart_delay(quick_deaths: int) -> float:
    """Returns the seconds before the next start: 0 after a long run; 1, 2, 4 … after consecutive quick deaths."""
    return min(2.0 ** (quick_deaths - 1), MAX_PAUSE_SECONDS) if quick_deaths else 0.0


class Supervisor:
    def __init__(self, commands: Mapping[str, list[str]], patience: float = PATIENCE_SECONDS) -> None:
        width = max(map(len, commands))
        self._processes = [Process(name, command, name.ljust(width)) for name, command in commands.items()]
        self._patience = patience
        self._selector = selectors.DefaultSelector()
        self._stops = 0
        self._kill_at = 0.0

    def run(self) -> None:
        """Runs until SIGINT, SIGTERM or SIGHUP, then until all processes have exited. A second signal kills them at once."""
        wakeup = self._watch_signals()
        while not self._stops or any(process.is_running for process in self._processes):
            self._manage_processes(time.monotonic())
            self._print_output(wakeup, timeout=1.0)
        self._print_output(wakeup, timeout=0)

    def _watch_signals(self) -> socket.socket:
        """Returns a socket that becomes readable when a signal arrives, so that waiting for output ends at once."""
        reader, writer = socket.socketpair()
        reader.setblocking(False)
        writer.setblocking(False)
        signal.set_wakeup_fd(writer.detach(), warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        for sign in STOP_SIGNALS:
            if sign != signal.SIGHUP or signal.getsignal(sign) != signal.SIG_IGN:  # under nohup, SIGHUP stays ignored
                signal.signal(sign, self._stop)
        self._selector.register(reader, selectors.EVENT_READ)
        return reader

    def _stop(self, *_: object) -> None:
        self._stops += 1

    def _manage_processes(self, now: float) -> None:
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
            _say("Stopping after the current work. Press Ctrl-C again to stop at once.")
        if self._stops > 1 or now > self._kill_at:
            process.kill()
        else:
            process.terminate()

    def _print_output(self, wakeup: socket.socket, timeout: float) -> None:
        for key, _ in self._selector.select(timeout):
            if key.fileobj is wakeup:
                with suppress(BlockingIOError):
                    wakeup.recv(4096)
            elif not key.data.pass_on(key.fileobj):
                self._selector.unregister(key.fileobj)


class Process:
    """A supervised process, started at `due` and due again after it exits."""

    def __init__(self, name: str, command: list[str], label: str) -> None:
        self.name, self.due = name, 0.0
        self._command, self._prefix = command, f"{label} | ".encode()
        self._child: subprocess.Popen[bytes] | None = None
        self._started, self._quick_deaths, self._is_terminating = 0.0, 0, False
        self._half_line = b""

    @property
    def is_running(self) -> bool:
        return self._child is not None

    def start(self, now: float) -> IO[bytes]:
        """Starts the process and returns its output."""
        self._started = now
        self._child = subprocess.Popen(
            self._command,
            bufsize=0,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # Ctrl-C reaches only the supervisor, which then sends SIGTERM
            preexec_fn=partial(prctl.end_with_parent, os.getpid(), signal.SIGTERM),
        )
        assert self._child.stdout is not None
        return self._child.stdout

    def reap(self, now: float) -> str | None:
        """Returns a message if the process has just exited unexpectedly, else None. Kills its remaining process group."""
        if self._child is None or (code := self._child.poll()) is None:
            return None
        with suppress(ProcessLookupError):  # remaining children would keep the port or continue to work
            os.killpg(self._child.pid, signal.SIGKILL)
        self._child = None
        self._quick_deaths = self._quick_deaths + 1 if now - self._started < QUICK_DEATH_SECONDS else 0
        wait = restart_delay(self._quick_deaths)
        self.due = now + wait
        ended = f"ended by {signal.Signals(-code).name}" if code < 0 else f"ended with status {code}"
        if self._is_terminating:
            return ended if code else None
        return f"{ended}; restarting{f' in {wait:g} s' if wait else ''}"

    def terminate(self) -> None:
        """Sends SIGTERM, once."""
        if self._child and not self._is_terminating:
            self._child.terminate()
        self._is_terminating = True

    def kill(self) -> None:
        if self._child:
            with suppress(ProcessLookupError):
                os.killpg(self._child.pid, signal.SIGKILL)

    def pass_on(self, output: IO[bytes]) -> bool:
        """Prints available output as whole lines. Returns False at the end of the output."""
        chunk = output.read(MAX_LINE_BYTES)
        *lines, self._half_line = (self._half_line + chunk).split(b"\n")
        if self._half_line and (not chunk or len(self._half_line) > MAX_LINE_BYTES):
            lines.append(self._half_line)
            self._half_line = b""
        _print(b"".join(self._prefix + line + b"\n" for line in lines))
        if not chunk:
            output.close()
        return bool(chunk)


def _say(message: str) -> None:
    _print(f"{message}\n".encode())


def _print(output: bytes) -> None:
    with suppress(OSError):  # the console is closed; the supervisor continues
        while output:
            output = output[os.write(1, output) :]


if __name__ == "__main__":
    main()
