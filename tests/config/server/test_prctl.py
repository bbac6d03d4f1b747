"""Access to the memory and environment of processes that hold secrets."""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[3]
NOBODY = 65534
PRINT_DUMPABLE = "import ctypes; print(ctypes.CDLL(None).prctl(3, 0, 0, 0, 0))"
TWO_PROCESSES = """
import ctypes, errno, json, os, resource, sys
from pathlib import Path
from config.server import prctl
PR_SET_DUMPABLE = 4
folder, user = sys.argv[1], int(sys.argv[2])
ready, done = os.pipe(), os.pipe()
victim = os.fork()
if not victim:
    if user:
        os.setgroups([]); os.setgid(user); os.setuid(user)
    ctypes.CDLL(None).prctl(PR_SET_DUMPABLE, 1, 0, 0, 0)  # changing the user has cleared it
    os.write(ready[1], b"1")
    os.read(done[0], 1)
    prctl.hide_memory()
    with open(folder + "/file", "wb") as file:
        handle = os.open("/proc/self/fd", os.O_RDONLY)
        own = [os.listdir("/proc/self/fd") != [], open("/proc/self/maps").read(1) != "", open("/proc/self/statm").read(1) != ""]
        open(folder + "/without", "wb").close()
        os.link(f"/proc/self/fd/{file.fileno()}", folder + "/linked", src_dir_fd=handle, follow_symlinks=True)
    os.write(ready[1], b"2" if all(own) else b"!")
    os.read(done[0], 1)
    os._exit(0)
if user:
    os.setgroups([]); os.setgid(user); os.setuid(user)
def outcome(action):
    try:
        action()
    except OSError as error:
        return errno.errorcode[error.errno]
    return "done"
def inspect():
    proc = Path(f"/proc/{victim}")
    return {
        "environment": outcome(lambda: (proc / "environ").read_bytes()),
        "open files": outcome(lambda: list((proc / "fd").iterdir())),
        "memory": outcome(lambda: open(proc / "mem", "rb")), "maps": outcome(lambda: (proc / "maps").read_bytes()),
        "memory in use": outcome(lambda: (proc / "statm").read_bytes()),
        "status": outcome(lambda: (proc / "status").read_bytes()),
        "threads": outcome(lambda: list((proc / "task").iterdir())),
        "limits": outcome(lambda: resource.prlimit(victim, resource.RLIMIT_CPU)),
        "ending": outcome(lambda: os.kill(victim, 0)),
    }
assert os.read(ready[0], 1) == b"1"
before = inspect()
os.write(done[1], b"1")
own = os.read(ready[0], 1) == b"2"
after = inspect()
os.write(done[1], b"1")
os.waitpid(victim, 0)
print(json.dumps([before, after, own]))
"""
OPEN = ("memory in use", "status", "threads", "limits", "ending")
HIDDEN = ("environment", "open files", "memory", "maps")


def python(*arguments: str, **env: str) -> str:
    completed = subprocess.run(
        [sys.executable, *arguments], cwd=PROJECT, env=os.environ | env, capture_output=True, text=True, check=False
    )
    assert completed.returncode == 0, completed.stderr
    return completed.stdout


@pytest.mark.once
def test_processes_of_the_same_user_cannot_read_a_process_that_hides_its_memory():
    """Both processes change to another user if the tests run as root, because root has access to all processes.

    What a worker reads of its child stays readable.
    """
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o777)

        before, after, has_access_to_itself = json.loads(
            python("-c", TWO_PROCESSES, folder, str(0 if os.getuid() else NOBODY))
        )

    assert before == dict.fromkeys((*OPEN, *HIDDEN), "done")
    assert {name: after[name] for name in OPEN} == dict.fromkeys(OPEN, "done")
    assert {after[name] for name in HIDDEN} <= {"EACCES", "EPERM"}
    assert has_access_to_itself


@pytest.mark.once
def test_commands_the_supervisor_and_the_web_server_hide_their_memory(tmp_path):
    commands = {
        "manage": ("manage.py", "shell", "-v", "0", "-c", PRINT_DUMPABLE),
        "wsgi": ("-c", f"import config.wsgi; {PRINT_DUMPABLE}"),
        "master": ("-c", f"from config.server import gunicorn; gunicorn.on_starting(None); {PRINT_DUMPABLE}"),
        "supervisor": (
            "-c",
            f"from config.server import supervisor as s; s.Supervisor.run = lambda _: None; s.main(); {PRINT_DUMPABLE}",
            ".",
        ),
    }

    assert {
        name: python(*arguments, DATA_DIR=str(tmp_path)).strip() for name, arguments in commands.items()
    } == dict.fromkeys(commands, "0")


@pytest.mark.once
def test_a_process_is_readable_by_default():
    assert python("-c", PRINT_DUMPABLE).strip() == "1"
