"""The Dockerfile, the compose file and the units, held to what can be checked without an engine to run them."""

import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.deploy.fronts import DEPLOY, replaced
from tests.test_docs import ROOT, settings_read

BIN = Path(sys.executable).parent
UNITS = sorted((DEPLOY / "systemd").glob("*.service"))
MOST_EXPOSED, MOST_EXPOSED_WORKER = 20, 10
"""Of 100, by systemd's own measure; a unit with no fences has 92."""


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    return yaml.safe_load((DEPLOY / "compose/compose.yaml").read_text())


def output(*command: str | Path) -> tuple[int, str]:
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


def test_hadolint_has_nothing_to_say_of_the_dockerfile():
    assert output(BIN / "hadolint", DEPLOY / "Dockerfile") == (0, "")


def test_the_image_leaves_nothing_to_build_with_and_runs_without_rights():
    final = (DEPLOY / "Dockerfile").read_text().rpartition("\nFROM ")[2]

    assert "pip uninstall --yes" in final
    assert re.findall(r"^USER (\S+)$", final, re.MULTILINE) == ["10001"]
    assert not re.search(r"build-essential|gcc|-dev\b", final)


def test_the_image_holds_all_that_runs_and_nothing_else():
    copied = set(re.findall(r"^COPY (\w[\w.]*) ", (DEPLOY / "Dockerfile").read_text(), re.MULTILINE))
    allowed = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}

    packages = {path.parent.name for path in ROOT.glob("*/__init__.py")} - {"tests", "benchmarks"}
    assert copied == allowed == {"manage.py", "requirements.txt", "templates", "static", *packages}


def test_the_compose_file_keeps_to_its_published_schema():
    status, said = output(
        BIN / "check-jsonschema", "--builtin-schema", "vendor.compose-spec", DEPLOY / "compose/compose.yaml"
    )

    assert status == 0, said


def test_every_setting_that_is_handed_out_is_one(compose):
    given = {*compose["x-darkroom"]["environment"], *assignments(DEPLOY / "systemd/darkroom.env")}

    assert given - settings_read() == set()


def test_every_variable_of_the_compose_file_is_in_the_example():
    used = set(re.findall(r"\$\{(\w+)", (DEPLOY / "compose/compose.yaml").read_text()))

    assert used == set(assignments(DEPLOY / "compose/.env.example"))


def test_every_service_is_limited_watched_and_pinned(compose):
    for name, service in compose["services"].items():
        assert "mem_limit" in service, name
        assert "healthcheck" in service or name == "web", name  # the image's own
        assert re.search(r":\d+\.\d+", service["image"]), name
    assert set(compose["volumes"]) == {
        mount.partition(":")[0]
        for service in compose["services"].values()
        for mount in service.get("volumes", [])
        if not mount.startswith(".")
    }


def test_every_container_is_shut_in(compose):
    for name, service in compose["services"].items():
        assert service["read_only"] is True, name
        assert service["cap_drop"] == ["ALL"], name
        assert service.get("cap_add", []) == (["NET_BIND_SERVICE"] if name == "proxy" else []), name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert service["pids_limit"] <= 1024, name
        assert not service.get("privileged"), name
        assert not {"pid", "ipc", "network_mode", "devices", "userns_mode"} & service.keys(), name


def test_only_the_proxy_and_the_web_server_reach_the_internet(compose):
    assert compose["networks"]["inside"] == {"internal": True}
    for name, service in compose["services"].items():
        outside = ["outside"] if name in ("proxy", "web") else []
        assert service["networks"] == ["inside", *outside], name


def test_no_secret_is_in_a_command_line(compose):
    """All users of a machine see those of its processes."""
    for name, service in compose["services"].items():
        words = str([service.get(part) for part in ("command", "entrypoint", "healthcheck")])
        assert not re.search(r"\$\{\w*(PASSWORD|SECRET|KEY)", words), name


def test_nothing_but_the_proxy_is_open_to_the_world(compose):
    assert [name for name, service in compose["services"].items() if "ports" in service] == ["proxy"]


def test_a_password_is_asked_for_and_none_is_handed_out():
    example = assignments(DEPLOY / "compose/.env.example")

    assert {name for name, value in example.items() if not value} == {
        "SECRET_KEY",
        "POSTGRES_PASSWORD",
        "REDIS_PASSWORD",
        "S3_SECRET_KEY",
    }


@pytest.fixture(scope="module")
def units(tmp_path_factory) -> Path:
    """As they are, but for a program and a settings file that exist here."""
    directory = tmp_path_factory.mktemp("units")
    for path in (*UNITS, DEPLOY / "systemd/darkroom-backup.timer"):
        text = path.read_text()
        if path.suffix == ".service":
            text = replaced(
                text, {"/srv/darkroom/.venv/bin/python": sys.executable, "/etc/darkroom/": f"{DEPLOY}/systemd/"}
            )
        (directory / path.name).write_text(text)
    return directory


needs_systemd = pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="there is no systemd here")


@needs_systemd
def test_systemd_has_nothing_to_complain_of(units):
    names = [path.name.replace("@", "@1") for path in units.iterdir()]
    for name in names:
        if "@1" in name:
            shutil.copyfile(units / name.replace("@1", "@"), units / name)

    status, said = output("systemd-analyze", "verify", "--man=no", *(units / name for name in names))

    mine = [line for line in said.splitlines() if "darkroom" in line]
    assert (mine, status) == ([], 0)


@needs_systemd
@pytest.mark.parametrize("unit", UNITS, ids=lambda path: path.stem)
def test_the_units_are_shut_in(units, unit):
    most = MOST_EXPOSED_WORKER if "worker" in unit.name else MOST_EXPOSED

    status, said = output("systemd-analyze", "security", "--offline=yes", f"--threshold={most}", units / unit.name)

    assert status == 0, said


@needs_systemd
def test_a_worker_has_no_network_unless_the_drop_in_gives_it_one(units):
    worker = next(path for path in units.iterdir() if "worker" in path.name)
    alone = settings_of(worker)
    connected = settings_of(worker, DEPLOY / "systemd/network.conf")

    assert (alone["PrivateNetwork"], alone["IPAddressDeny"], alone["RestrictAddressFamilies"]) == (
        ["yes"],
        ["any"],
        ["AF_UNIX"],
    )
    assert (connected["PrivateNetwork"], connected["IPAddressDeny"], connected["RestrictAddressFamilies"]) == (
        ["yes", "no"],
        ["any", ""],
        ["AF_UNIX", "AF_INET AF_INET6"],
    )
    together = units / "darkroom-connected.service"
    together.write_text(worker.read_text() + (DEPLOY / "systemd/network.conf").read_text())
    status, said = output("systemd-analyze", "security", "--offline=yes", f"--threshold={MOST_EXPOSED}", together)
    together.unlink()
    assert status == 0, said


@pytest.mark.parametrize("unit", UNITS, ids=lambda path: path.stem)
def test_the_decoders_sandbox_works_in_the_units(unit):
    """It asks the kernel for a filter of its own and for Landlock, which lists of older versions of systemd lack."""
    settings = settings_of(unit)

    assert settings["NoNewPrivileges"] == ["yes"]
    assert settings["SystemCallFilter"][0] == "@system-service"
    allowed = settings["SystemCallFilter"][-1].split()
    assert {"landlock_create_ruleset", "landlock_add_rule", "landlock_restrict_self", "seccomp"} <= set(allowed)
    assert "MemoryDenyWriteExecute" not in settings


@pytest.mark.parametrize("unit", UNITS, ids=lambda path: path.stem)
def test_the_units_limit_descriptors_and_processes_and_close_the_data_to_others(unit):
    settings = settings_of(unit)

    assert int(settings["LimitNOFILE"][0]) >= (65536 if "web" in unit.name else 8192)
    assert settings.keys() >= {"TasksMax"}
    assert (settings["UMask"], settings["StateDirectoryMode"]) == (["0027"], ["0710"])


def settings_of(*units: Path) -> dict[str, list[str]]:
    """Each setting of a unit and its drop-ins, with all that is assigned to it in turn."""
    found: dict[str, list[str]] = {}
    for unit in units:
        for name, value in re.findall(r"^(\w+)=(.*)$", unit.read_text(), re.MULTILINE):
            found.setdefault(name, []).append(value)
    return found


@pytest.mark.parametrize("unit", UNITS, ids=lambda path: path.stem)
def test_every_command_of_the_units_is_one(unit):
    from django.core.management import get_commands

    commands = re.findall(r"manage\.py (\w+)", "\n".join(re.findall(r"^ExecStart=.*$", unit.read_text(), re.MULTILINE)))

    assert commands
    assert set(commands) - set(get_commands()) == set()


def assignments(path: Path) -> dict[str, str]:
    return dict(re.findall(r"^#?([A-Z0-9_]+)=(.*)$", path.read_text(), re.MULTILINE))
