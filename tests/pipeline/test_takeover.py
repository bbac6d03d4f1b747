"""Code of an attacker runs in the child that decodes, started as a worker starts it. It reaches nothing but its own photo.

Each test's photo is a program, which `tests.pipeline.impostor` runs behind the real fences.
"""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

from processing.pipeline import ImageRejected, Picture
from processing.pipeline.picture import Rendition
from processing.pipeline.process import client as child_process
from processing.pipeline.process import landlock, seccomp
from processing.pipeline.process.messages import InvalidMessage
from processing.pipeline.process.workspace import Workspace
from processing.rendering.sandbox import Crashed, Sandbox

SECRET = "the secret of this installation"
OTHERS = {
    "secret_key": SECRET,
    "db.sqlite3": "password hashes",
    "incoming/other": "somebody's photo",
    "originals/one": "kept",
}
DENIED = {"EACCES", "EPERM"}


def _has_landlock() -> bool:
    try:
        return landlock.version() >= 6
    except landlock.LandlockUnavailable:
        return False


pytestmark = [
    pytest.mark.skipif(os.uname().machine not in seccomp.ARCHITECTURES, reason="no list of calls for this machine"),
    pytest.mark.skipif(not _has_landlock(), reason="this kernel has no Landlock, or an older one"),
]


@pytest.fixture
def installation(tmp_path: Path) -> Path:
    """Files that are no business of a decoder's, around the photo's own."""
    for name, content in OTHERS.items():
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(content)
    return tmp_path


@pytest.fixture
def sandbox(installation: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Sandbox]:
    monkeypatch.setattr(child_process, "MODULE", "tests.pipeline.impostor")
    monkeypatch.setenv("SECRET_KEY", SECRET)
    with Sandbox(workspaces=installation / "sandbox", wall_seconds=60) as sandbox:
        yield sandbox


def run(sandbox: Sandbox, installation: Path, code: str, **names: Any) -> Picture:
    """Develops a photo that is this program. It finds the names given here, and the installation's path as `home`."""
    given = {"home": str(installation), "worker": os.getpid(), **names}
    source = installation / "incoming" / "photo"
    source.write_text("\n".join(f"{name} = {value!r}" for name, value in given.items()) + "\n" + dedent(code))
    return sandbox.develop(source, installation / "renditions")


def told(sandbox: Sandbox, installation: Path, code: str, **names: Any) -> Any:
    """What the program leaves as `found`."""
    code = (
        dedent(code) + '\nimport json\nanswer = {"error": "broken", "message": json.dumps(found), "permanent": True}\n'
    )
    with pytest.raises(ImageRejected) as caught:
        run(sandbox, installation, code, **names)
    assert caught.value.code == "broken", caught.value.__notes__
    return json.loads(caught.value.message)


def untouched(installation: Path) -> bool:
    return {name: (installation / name).read_text() for name in OTHERS} == OTHERS


def test_it_reads_its_photo_and_no_other_file(sandbox: Sandbox, installation: Path) -> None:
    found = told(
        sandbox,
        installation,
        """
        import os
        paths = [f"{home}/{name}" for name in ("secret_key", "db.sqlite3", "incoming/other", "incoming/photo", "originals/one")]
        paths += ["/etc/passwd", "/etc/hostname", "/proc/self/environ", "/proc/self/maps", "/proc/1/environ", "/proc/meminfo"]
        paths += [f"/proc/{worker}/{name}" for name in ("environ", "maps", "mem", "cmdline", "fd/0", "root/etc/passwd", "cwd")]
        own = request["source"]
        paths += [own.rpartition("/in/")[0] + "/in-use", own.removesuffix("photo") + "../../../secret_key"]
        found = {path.replace(home, ""): attempt(lambda path=path: open(path, "rb").read(1)) for path in paths}
        directories = ("/", home, f"{home}/incoming", f"{home}/sandbox", "/proc", f"/proc/{worker}/fd", "/root", "/etc", ".")
        found |= {f"list {path.replace(home, '')}": attempt(os.listdir, path) for path in directories}
        found["its own"] = attempt(lambda: open(own, "rb").read(1))
        """,
    )

    assert found.pop("its own") == "done"
    assert {name: said for name, said in found.items() if said not in DENIED} == {}


def test_it_writes_nowhere_but_in_its_folder_and_deletes_nothing(sandbox: Sandbox, installation: Path) -> None:
    found = told(
        sandbox,
        installation,
        """
        import os
        out, own, made = request["out"], request["source"], request["out"] + "/made"
        open(made, "w").close()
        original = f"{home}/originals/one"
        def write(path):
            open(path, "wb").write(b"pwned")
        paths = [original, f"{home}/db.sqlite3", f"{home}/new", f"{home}/huey.sqlite3", "/tmp/new", "/dev/shm/new", own]
        paths += [own + "2", out + "/../new", os.getcwd() + "/processing/pipeline/process/child.py", f"/proc/{worker}/mem"]
        found = {f"write {path.replace(home, '')}": attempt(write, path) for path in paths}
        found["delete"] = attempt(os.unlink, original)
        found["rename"] = attempt(os.rename, original, f"{home}/originals/two")
        found["cut off"] = attempt(os.truncate, original, 0)
        found["cut off its own"] = attempt(os.open, own, os.O_RDONLY | os.O_TRUNC)
        found["replace"] = attempt(os.replace, made, original)
        found["move away"] = attempt(os.rename, original, out + "/one")
        found["delete its own"] = attempt(os.unlink, made)
        found["mode"] = attempt(os.chmod, f"{home}/secret_key", 0o644)
        found["owner"] = attempt(os.chown, original, 1, 1)
        found["times"] = attempt(os.utime, original)
        found["attribute"] = attempt(os.setxattr, original, "user.x", b"x")
        found["hard link in"] = attempt(os.link, f"{home}/secret_key", out + "/secret")
        found["hard link of its photo"] = attempt(os.link, own, out + "/400.webp")
        found["hard link out"] = attempt(os.link, made, f"{home}/made")
        found["symbolic link"] = attempt(os.symlink, f"{home}/secret_key", out + "/400.webp")
        found["pipe"] = attempt(os.mkfifo, out + "/pipe")
        found["device"] = attempt(os.mknod, out + "/device", 0o20666, os.makedev(1, 1))
        found["directory"] = attempt(os.mkdir, out + "/directory")
        found["without a name"] = attempt(os.open, out, os.O_TMPFILE | os.O_RDWR)
        """,
    )

    assert {name: said for name, said in found.items() if said not in DENIED} == {}
    assert untouched(installation)
    assert not (installation / "renditions").exists()


def test_it_has_no_variables_of_the_worker_and_no_descriptors_but_its_pipes(
    sandbox: Sandbox, installation: Path
) -> None:
    with (installation / "db.sqlite3").open("rb") as inherited:
        os.set_inheritable(inherited.fileno(), True)
        found = told(
            sandbox,
            installation,
            """
            import os, stat
            open_ones = {}
            for number in range(256):
                try:
                    status = os.fstat(number)
                except OSError:
                    continue
                open_ones[number] = stat.S_IFMT(status.st_mode)
            pipes = [number for number, kind in open_ones.items() if kind == stat.S_IFIFO]
            files = [number for number, kind in open_ones.items() if kind == stat.S_IFREG]
            sizes = [os.fstat(number).st_size for number in files]
            found = {"variables": dict(os.environ), "pipes": len(pipes), "sizes": sizes, "count": len(open_ones)}
            """,
        )

    known = child_process.ENVIRONMENT | {"LC_CTYPE": "C.UTF-8"}
    assert {name: value for name, value in found["variables"].items() if known.get(name) != value} == {}
    # Nothing, /dev/null twice, requests and answers, and its own statm, which has no size.
    assert (found["pipes"], found["sizes"], found["count"]) == (2, [0], 6)


def test_it_has_no_network(sandbox: Sandbox, installation: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as tcp, socket.socket(socket.AF_UNIX) as unix:
        unix.bind(str(installation / "socket"))
        unix.listen()
        found = told(
            sandbox,
            installation,
            """
            import socket
            def connect(family, kind, address):
                socket.socket(family, kind).connect(address)
            found = {
                "tcp": attempt(connect, socket.AF_INET, socket.SOCK_STREAM, ("127.0.0.1", port)),
                "udp": attempt(connect, socket.AF_INET, socket.SOCK_DGRAM, ("127.0.0.1", port)),
                "ipv6": attempt(connect, socket.AF_INET6, socket.SOCK_STREAM, ("::1", port)),
                "unix": attempt(connect, socket.AF_UNIX, socket.SOCK_STREAM, f"{home}/socket"),
                "abstract": attempt(connect, socket.AF_UNIX, socket.SOCK_STREAM, chr(0) + "bus"),
                "netlink": attempt(socket.socket, socket.AF_NETLINK, socket.SOCK_RAW, 0),
                "vsock": attempt(socket.socket, 40, socket.SOCK_STREAM, 0),
                "pair": attempt(socket.socketpair),
            }
            """,
            port=tcp.getsockname()[1],
        )

    assert set(found.values()) == {"EPERM"}


def test_it_neither_signals_nor_limits_nor_outlives_others_nor_multiplies(sandbox: Sandbox, installation: Path) -> None:
    found = told(
        sandbox,
        installation,
        """
        import ctypes, fcntl, mmap, os, resource, signal
        libc = ctypes.CDLL(None, use_errno=True)
        def call(name, *arguments):
            if getattr(libc, name)(*arguments) == -1:
                raise OSError(ctypes.get_errno(), "")
        found = {
            "kill": attempt(os.kill, worker, signal.SIGKILL),
            "kill all": attempt(os.kill, -1, signal.SIGKILL),
            "kill the group": attempt(os.killpg, worker, signal.SIGKILL),
            "tgkill": attempt(call, "tgkill", worker, worker, signal.SIGKILL),
            "signals by a descriptor": attempt(fcntl.fcntl, 0, fcntl.F_SETOWN, worker),
            "live on": attempt(call, "prctl", 1, 0, 0, 0, 0),
            "be traced": attempt(call, "prctl", 4, 1, 0, 0, 0),
            "limits of the worker": attempt(resource.prlimit, worker, resource.RLIMIT_NOFILE, (1, 1)),
            "priority": attempt(os.setpriority, os.PRIO_PROCESS, worker, 19),
            "processors of the worker": attempt(os.sched_setaffinity, worker, [0]),
            "session": attempt(os.setsid),
            "user": attempt(os.setuid, 1),
            "fork": attempt(os.fork),
            "memory that nobody counts": attempt(mmap.mmap, -1, 1 << 30),
            "memory that grows down": attempt(mmap.mmap, -1, 1 << 30, 0x122),
            "memory with a name": attempt(os.memfd_create, "x"),
            "a queue": attempt(call, "mq_open", b"/x", os.O_CREAT | os.O_RDWR, 0o600, None),
            "shared memory": attempt(call, "shmget", 1, 4096, 0o1666),
            "more memory": attempt(resource.setrlimit, resource.RLIMIT_DATA, (-1, -1)),
            "larger files": attempt(resource.setrlimit, resource.RLIMIT_FSIZE, (-1, -1)),
        }
        """,
    )

    assert {name: said for name, said in found.items() if said not in {"EPERM", "ValueError"}} == {}


DEADLY = {
    "trace": "libc.ptrace(16, worker, 0, 0)",
    "read memory": "libc.process_vm_readv(worker, 0, 0, 0, 0, 0)",
    "write memory": "libc.process_vm_writev(worker, 0, 0, 0, 0, 0)",
    "hold the worker": "os.pidfd_open(worker)",
    "run a program": "os.execv('/bin/sh', ['sh', '-c', 'true'])",
    "make a user namespace": "libc.unshare(0x10000000)",
    "mount": "libc.mount(b'x', b'/', b'tmpfs', 0, 0)",
    "io_uring": "libc.syscall(425, 1, 0)",
}


@pytest.mark.parametrize("deed", DEADLY)
def test_some_attempts_end_it_at_once(sandbox: Sandbox, installation: Path, deed: str) -> None:
    with pytest.raises(Crashed):
        run(sandbox, installation, f"import ctypes, os\nlibc = ctypes.CDLL(None)\n{DEADLY[deed]}\nanswer = {{}}")

    assert sandbox.pid is None


@pytest.mark.skipif(os.uname().machine != "x86_64", reason="another machine's way of calling")
def test_it_cannot_call_the_kernel_by_another_machines_numbers(sandbox: Sandbox, installation: Path) -> None:
    """`mov eax, 20; int 0x80; ret` asks as i386 does, whose 20 is getpid."""
    with pytest.raises(Crashed):
        run(
            sandbox,
            installation,
            r"""
            import ctypes, mmap
            code = mmap.mmap(-1, 4096, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS, prot=7)
            code.write(b"\xb8\x14\x00\x00\x00\xcd\x80\xc3")
            ctypes.CFUNCTYPE(ctypes.c_int)(ctypes.addressof(ctypes.c_char.from_buffer(code)))()
            answer = {}
            """,
        )


def test_a_decoder_that_aborts_is_a_crash_as_ever(sandbox: Sandbox, installation: Path) -> None:
    with pytest.raises(Crashed):
        run(sandbox, installation, "import os\nos.abort()")

    assert told(sandbox, installation, "found = 'alive'") == "alive"


def test_threads_of_a_taken_over_child_end_with_it(sandbox: Sandbox, installation: Path) -> None:
    told(
        sandbox,
        installation,
        "import threading, time\nthreading.Thread(target=lambda: time.sleep(600)).start()\nfound = 1",
    )
    first = sandbox.pid

    sandbox.serve("somebody else")

    assert (first is None, sandbox.pid) == (False, None)


def test_the_next_owners_photo_gets_a_child_of_its_own(sandbox: Sandbox, installation: Path) -> None:
    sandbox.serve("one")
    told(sandbox, installation, "found = 1")
    first = sandbox.pid

    sandbox.serve("one")
    again = sandbox.pid
    sandbox.serve("other")
    told(sandbox, installation, "found = 1")

    assert first == again
    assert sandbox.pid not in (first, None)


def test_one_file_cannot_fill_the_disk(sandbox: Sandbox, installation: Path) -> None:
    found = told(
        sandbox,
        installation,
        """
        def write():
            with open(request["out"] + "/huge", "wb", buffering=0) as file:
                file.seek(1 << 28)
                file.write(b"x")
        found = attempt(write)
        """,
    )

    assert found == "EFBIG"


def test_many_files_cannot_fill_the_disk(sandbox: Sandbox, installation: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("processing.pipeline.process.workspace.MAX_BYTES", 1024 * 1024)

    with pytest.raises(Crashed):
        run(
            sandbox,
            installation,
            """
            import time
            number = 0
            while True:
                number += 1
                with open(f"{request['out']}/{number}", "wb") as file:
                    file.write(bytes(100_000))
                time.sleep(0.01)
            """,
        )

    assert list((installation / "sandbox").glob("*/out/*")) == []


PICTURE = """
import os, struct
content = b"RIFF" + struct.pack("<I", 12) + b"WEBPVP8 " + bytes(4)
def rendition(name="400.webp", content=content, **other):
    path = request["out"] + "/" + name
    with open(path, "wb") as file:
        file.write(content)
    return {"path": path, "width": 4, "height": 3, "bytes": len(content)} | other
none = dict.fromkeys(("taken_at", "taken_from", "camera", "lens", "title", "caption", "creator", "copyright", "rating", "gps"))
picture = none | {
    "format": "JPEG", "width": 4, "height": 3, "placeholder": "data:image/webp;base64,AAAA", "recipe": RECIPE, "frames": 1,
    "keywords": [], "notes": [], "likeness": None, "colours": {"profile": None, "gamut": None, "bits": None},
    "exposure": dict.fromkeys(("aperture", "shutter_seconds", "iso", "focal_length_mm")), "renditions": [],
}
"""
HONEST = PICTURE + "answer = {'picture': picture | {'renditions': [rendition()]}}"
LIES = {
    "a path as format": "picture | {'format': '../../../db', 'renditions': [rendition()]}",
    "a web page as rendition": "picture | {'renditions': [rendition(content=b'<script>alert(1)</script>')]}",
    "a web page as placeholder": "picture | {'placeholder': 'data:text/html,x', 'renditions': [rendition()]}",
    "a name of its own": "picture | {'renditions': [rendition('index.html')]}",
    "a file elsewhere": "picture | {'renditions': [rendition(path=f'{home}/secret_key', bytes=31)]}",
    "a path that climbs": "picture | {'renditions': [rendition(path=request['out'] + '/../in/photo')]}",
    "its photo": "picture | {'renditions': [rendition(path=request['source'])]}",
    "a size that is not the file's": "picture | {'renditions': [rendition(bytes=1)]}",
    "a file that is not there": "picture | {'renditions': [rendition(path=request['out'] + '/800.webp')]}",
    "the same file twice": "picture | {'renditions': [rendition(), rendition()]}",
    "no rendition": "picture",
    "another recipe": "picture | {'recipe': 'x', 'renditions': [rendition()]}",
    "text that no database holds": "picture | {'title': chr(0), 'renditions': [rendition()]}",
    "half a character": "picture | {'title': chr(0xd800), 'renditions': [rendition()]}",
    "a whole book": "picture | {'title': 'x' * 100_000, 'renditions': [rendition()]}",
    "a number that is none": "picture | {'exposure': picture['exposure'] | {'aperture': 1e18}, 'renditions': [rendition()]}",
    "a number too large": "picture | {'width': 10 ** 30, 'renditions': [rendition()]}",
    "a place that is none": "picture | {'gps': dict(latitude=1e9, longitude=0.0, altitude=None), 'renditions': [rendition()]}",
    "a time that is none": "picture | {'taken_at': 'yesterday', 'renditions': [rendition()]}",
    "a list as title": "picture | {'title': ['x'], 'renditions': [rendition()]}",
    "nothing": "None",
    "a list": "[]",
}
WRONG = {
    "an empty answer": "answer = {}",
    "a preview instead": "answer = {'preview': ''}",
    "an interruption": "answer = {'error': 'aborted', 'message': 'x', 'permanent': False}",
    "a code of its own": "answer = {'error': 'x' * 99, 'message': 'x', 'permanent': False}",
    "a message of its own length": "answer = {'error': 'broken', 'message': 'x' * 9999, 'permanent': True}",
    "a forged line": "answer = {'error': 'broken', 'message': 'x' + chr(13) + 'y', 'permanent': True}",
    "a need beyond reason": "answer = {'error': 'too-heavy', 'message': 'x', 'permanent': True, 'needed': 10 ** 40}",
    "endless brackets": "import os\nos.write(4, (200_000).to_bytes(4, 'big') + b'[' * 200_000)\nanswer = {}",
    "more than a message holds": "import os\nos.write(4, (1 << 31).to_bytes(4, 'big'))\nanswer = {}",
}


def recipe(sandbox: Sandbox) -> str:
    return f"RECIPE = {sandbox._mark!r}\n"


def test_what_an_honest_child_answers_is_taken(sandbox: Sandbox, installation: Path) -> None:
    picture = run(sandbox, installation, recipe(sandbox) + HONEST)

    assert [made.path for made in picture.renditions] == [str(installation / "renditions" / "400.webp")]
    assert list((installation / "sandbox").glob("*/out/*")) == list((installation / "sandbox").glob("*/in/*")) == []


@pytest.mark.parametrize("lie", LIES)
def test_a_lie_about_the_picture_is_a_crash(sandbox: Sandbox, installation: Path, lie: str) -> None:
    with pytest.raises(Crashed):
        run(sandbox, installation, recipe(sandbox) + PICTURE + f"answer = {{'picture': {LIES[lie]}}}")

    assert sandbox.pid is None
    assert untouched(installation)
    assert list((installation / "sandbox").glob("*/out/*")) == []


@pytest.mark.parametrize("wrong", WRONG)
def test_an_answer_that_is_none_is_a_crash(sandbox: Sandbox, installation: Path, wrong: str) -> None:
    with pytest.raises(Crashed):
        run(sandbox, installation, WRONG[wrong])

    assert sandbox.pid is None


def test_a_sidecars_words_and_a_preview_are_looked_at_too(sandbox: Sandbox, installation: Path) -> None:
    source = installation / "incoming" / "photo"
    source.write_text("answer = {'sidecar': {'title': 'A day'}}")
    honest = sandbox.sidecar_metadata(source)
    for lie in ("{'title': 7}", "{'shell': 'x'}", "[]", "{'rating': 10 ** 9}"):
        source.write_text(f"answer = {{'sidecar': {lie}}}")
        with pytest.raises(Crashed):
            sandbox.sidecar_metadata(source)
    for lie in ("PGh0bWw+", "*", "A" * 10):
        source.write_text(f"answer = {{'preview': {lie!r}}}")
        with pytest.raises(Crashed):
            sandbox.preview(source)

    assert honest == {"title": "A day"}


class TestWorkspace:
    """What a child could leave there on a kernel without fences."""

    @pytest.fixture
    def workspace(self) -> Iterator[Workspace]:
        workspace = Workspace(None)
        yield workspace
        workspace.close()

    def leave(self, workspace: Workspace, kind: str, home: Path) -> Path:
        path = workspace.out / "400.webp"
        match kind:
            case "symbolic link":
                path.symlink_to(home / "secret_key")
            case "hard link":
                path.hardlink_to(home / "secret_key")
            case "pipe":
                os.mkfifo(path)
            case "directory":
                path.mkdir()
                (path / "more").write_text("x")
            case "socket":
                with socket.socket(socket.AF_UNIX) as unix:
                    unix.bind(str(path))
        return path

    @pytest.mark.parametrize("kind", ["symbolic link", "hard link", "pipe", "directory", "socket"])
    def test_only_plain_files_are_taken_and_the_rest_is_removed(
        self, workspace: Workspace, installation: Path, kind: str
    ) -> None:
        path = self.leave(workspace, kind, installation)

        with pytest.raises(InvalidMessage):
            workspace.move_output(Rendition(str(path), 4, 3, path.lstat().st_size), installation)
        workspace.clear()

        assert list(workspace.out.iterdir()) == []
        assert untouched(installation)

    def test_a_file_of_another_file_system_is_copied(
        self, workspace: Workspace, installation: Path, monkeypatch
    ) -> None:
        def elsewhere(*_: object) -> None:
            raise OSError(18, "EXDEV")

        monkeypatch.setattr(os, "link", elsewhere)

        with workspace.open_source(installation / "secret_key") as offered:
            assert offered.read_text() == SECRET
        assert not offered.exists()

    def test_what_a_killed_worker_has_left_is_removed_and_what_a_live_one_uses_is_not(self, tmp_path: Path) -> None:
        live = Workspace(tmp_path)
        dead = Workspace(tmp_path)
        (dead.path / "in" / "photo").write_text("x")
        dead._in_use.close()  # as the kernel does for it

        own = Workspace(tmp_path)

        assert sorted(tmp_path.glob("sandbox-*")) == sorted([live.path, own.path])
        for workspace in (live, own):
            workspace.close()
        assert list(tmp_path.glob("sandbox-*")) == []
