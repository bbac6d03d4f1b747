"""The Dockerfile, the compose file and the systemd units, checked without running them."""

import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.deploy.fronts import DEPLOY, replace_examples
from tests.test_docs import ROOT, settings_read

BIN = Path(sys.executable).parent
UNITS = sorted((DEPLOY / "systemd").glob("*.service"))
MAX_EXPOSURE, MAX_WORKER_EXPOSURE = 20, 10
"""Maximum exposure of 100, as measured by systemd; a unit without any sandboxing has 92."""


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    return yaml.safe_load((DEPLOY / "compose/compose.yaml").read_text())


def output(*command: str | Path) -> tuple[int, str]:
    process = subprocess.run([str(argument) for argument in command], capture_output=True, text=True, check=False)
    return process.returncode, process.stdout + process.stderr


def test_hadolint_reports_nothing_about_the_dockerfile():
    assert output(BIN / "hadolint", DEPLOY / "Dockerfile") == (0, "")


def test_the_image_has_no_build_tools_and_runs_as_an_unprivileged_user():
    final = (DEPLOY / "Dockerfile").read_text().rpartition("\nFROM ")[2]

    assert "pip uninstall --yes" in final
    assert re.findall(r"^USER (\S+)$", final, re.MULTILINE) == ["10001"]
    assert not re.search(r"build-essential|gcc|-dev\b", final)


def test_the_image_contains_exactly_the_files_that_run():
    copied = set(re.findall(r"^COPY (\w[\w.]*) ", (DEPLOY / "Dockerfile").read_text(), re.MULTILINE))
    allowed = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}

    packages = {path.parent.name for path in ROOT.glob("*/__init__.py")} - {"tests", "benchmarks"}
    assert copied == allowed == {"manage.py", "requirements.txt", "templates", "static", *packages}


def test_the_compose_file_conforms_to_the_published_schema():
    status, text = output(
        BIN / "check-jsonschema", "--builtin-schema", "vendor.compose-spec", DEPLOY / "compose/compose.yaml"
    )

    assert status == 0, text


def test_every_setting_in_the_examples_exists(compose):
    configured = {*compose["x-darkroom"]["environment"], *assignments(DEPLOY / "systemd/darkroom.env")}

    assert configured - settings_read() == set()


def test_every_variable_of_the_compose_file_is_in_the_example():
    used = set(re.findall(r"\$\{(\w+)", (DEPLOY / "compose/compose.yaml").read_text()))

    assert used == set(assignments(DEPLOY / "compose/.env.example"))


def test_every_image_is_pinned_by_version_and_digest(compose):
    images = {service["image"] for service in compose["services"].values() if "build" not in service}
    [base] = re.findall(r"^ARG PYTHON=(.+)$", (DEPLOY / "Dockerfile").read_text(), re.MULTILINE)
    froms = re.findall(r"^FROM (\S+)|^# syntax=(\S+)", (DEPLOY / "Dockerfile").read_text(), re.MULTILINE)

    assert froms == [("python:${PYTHON}", "")] * 2
    assert len(images) == 4
    for image in (*images, f"python:{base}"):
        assert re.fullmatch(r"[a-z/]+:\d+\.[\w.-]+@sha256:[0-9a-f]{64}", image), image


def test_every_service_has_a_memory_limit_and_a_health_check(compose):
    for name, service in compose["services"].items():
        assert "mem_limit" in service, name
        assert "healthcheck" in service or name == "web", name  # the image has a health check
    assert set(compose["volumes"]) == {
        mount.partition(":")[0]
        for service in compose["services"].values()
        for mount in service.get("volumes", [])
        if not mount.startswith(".")
    }


def test_every_container_is_sandboxed(compose):
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
    """All users of a machine can see the command lines of its processes."""
    for name, service in compose["services"].items():
        commands = str([service.get(part) for part in ("command", "entrypoint", "healthcheck")])
        assert not re.search(r"\$\{\w*(PASSWORD|SECRET|KEY)", commands), name


def test_only_the_proxy_publishes_ports(compose):
    assert [name for name, service in compose["services"].items() if "ports" in service] == ["proxy"]


def test_passwords_and_keys_in_the_example_are_empty():
    example = assignments(DEPLOY / "compose/.env.example")

    assert {name for name, value in example.items() if not value} == {
        "SECRET_KEY",
        "POSTGRES_PASSWORD",
        "REDIS_PASSWORD",
        "S3_SECRET_KEY",
    }


@pytest.fixture(scope="module")
def units(tmp_path_factory) -> Path:
    """The units, with paths of a program and a settings file that exist here."""
    directory = tmp_path_factory.mktemp("units")
    for path in (*UNITS, DEPLOY / "systemd/darkroom-backup.timer"):
        text = path.read_text()
        if path.suffix == ".service":
            text = replace_examples(
                text, {"/srv/darkroom/.venv/bin/python": sys.executable, "/etc/darkroom/": f"{DEPLOY}/systemd/"}
            )
        (directory / path.name).write_text(text)
    return directory


needs_systemd = pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="there is no systemd here")


@needs_systemd
def test_systemd_reports_no_problem_in_the_units(units):
    names = [path.name.replace("@", "@1") for path in units.iterdir()]
    for name in names:
        if "@1" in name:
            shutil.copyfile(units / name.replace("@1", "@"), units / name)

    status, text = output("systemd-analyze", "verify", "--man=no", *(units / name for name in names))

    own_lines = [line for line in text.splitlines() if "darkroom" in line]
    assert (own_lines, status) == ([], 0)


@needs_systemd
@pytest.mark.parametrize("unit", UNITS, ids=lambda path: path.stem)
def test_the_units_are_sandboxed(units, unit):
    threshold = MAX_WORKER_EXPOSURE if "worker" in unit.name else MAX_EXPOSURE

    status, text = output("systemd-analyze", "security", "--offline=yes", f"--threshold={threshold}", units / unit.name)

    assert status == 0, text


@needs_systemd
def test_a_worker_has_no_network_unless_the_drop_in_gives_it_one(units):
    worker = next(path for path in units.iterdir() if "worker" in path.name)
    default = settings_of(worker)
    connected = settings_of(worker, DEPLOY / "systemd/network.conf")

    assert (default["PrivateNetwork"], default["IPAddressDeny"], default["RestrictAddressFamilies"]) == (
        ["yes"],
        ["any"],
        ["AF_UNIX"],
    )
    assert (connected["PrivateNetwork"], connected["IPAddressDeny"], connected["RestrictAddressFamilies"]) == (
        ["yes", "no"],
        ["any", ""],
        ["AF_UNIX", "AF_INET AF_INET6"],
    )
    combined_unit = units / "darkroom-connected.service"
    combined_unit.write_text(worker.read_text() + (DEPLOY / "systemd/network.conf").read_text())
    status, text = output("systemd-analyze", "security", "--offline=yes", f"--threshold={MAX_EXPOSURE}", combined_unit)
    combined_unit.unlink()
    assert status == 0, text


@pytest.mark.parametrize("unit", UNITS, ids=lambda path: path.stem)
def test_the_decoders_sandbox_works_in_the_units(unit):
    """It installs a seccomp filter and uses Landlock, whose calls are missing in the lists of older versions of systemd."""
    settings = settings_of(unit)

    assert settings["NoNewPrivileges"] == ["yes"]
    assert settings["SystemCallFilter"][0] == "@system-service"
    allowed = settings["SystemCallFilter"][-1].split()
    assert {"landlock_create_ruleset", "landlock_add_rule", "landlock_restrict_self", "seccomp"} <= set(allowed)
    assert "MemoryDenyWriteExecute" not in settings


@pytest.mark.parametrize("unit", UNITS, ids=lambda path: path.stem)
def test_the_units_limit_resources_and_protect_the_data_from_other_users(unit):
    settings = settings_of(unit)

    assert int(settings["LimitNOFILE"][0]) >= (65536 if "web" in unit.name else 8192)
    assert settings.keys() >= {"TasksMax"}
    assert (settings["UMask"], settings["StateDirectoryMode"]) == (["0027"], ["0710"])


def settings_of(*units: Path) -> dict[str, list[str]]:
    """Return the settings of a unit and its drop-ins, each with all assigned values in order."""
    settings: dict[str, list[str]] = {}
    for unit in units:
        for name, value in re.findall(r"^(\w+)=(.*)$", unit.read_text(), re.MULTILINE):
            settings.setdefault(name, []).append(value)
    return settings


@pytest.mark.parametrize("unit", UNITS, ids=lambda path: path.stem)
def test_every_command_in_the_units_exists(unit):
    from django.core.management import get_commands

    commands = re.findall(r"manage\.py (\w+)", "\n".join(re.findall(r"^ExecStart=.*$", unit.read_text(), re.MULTILINE)))

    assert commands
    assert set(commands) - set(get_commands()) == set()


def assignments(path: Path) -> dict[str, str]:
    return dict(re.findall(r"^#?([A-Z0-9_]+)=(.*)$", path.read_text(), re.MULTILINE))
