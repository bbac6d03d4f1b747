"""The bill of materials that `make sbom` writes lists every package that Darkroom runs with, with its hashes."""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.test_docs import ROOT

pytestmark = [pytest.mark.once, pytest.mark.timeout(300)]  # longer than the program may take
BIN = Path(sys.executable).parent


@pytest.fixture(scope="module")
def sbom(tmp_path_factory) -> dict[str, Any]:
    """The bill of materials, created by the command of the Makefile's target."""
    rule = (ROOT / "Makefile").read_text().split("\nsbom:")[1].split("\n\n")[0].replace("\\\n", " ")
    command = shlex.split(rule.partition("-m cyclonedx_py")[2])
    target = tmp_path_factory.mktemp("sbom") / "darkroom.cdx.json"
    program = shutil.which("cyclonedx-py", path=f"{BIN}:{os.environ['PATH']}")
    assert program, "cyclonedx-bom is in requirements-dev.txt: install that"
    arguments = [str(target) if argument == "darkroom.cdx.json" else argument for argument in command]
    subprocess.run([program, *arguments], cwd=ROOT, capture_output=True, check=True, timeout=240)
    bill: dict[str, Any] = json.loads(target.read_text())
    return bill


def test_the_bill_of_materials_describes_darkroom(sbom):
    component = sbom["metadata"]["component"]

    assert (sbom["bomFormat"], component["name"], component["type"]) == ("CycloneDX", "darkroom", "application")
    assert f'version = "{component["version"]}"' in (ROOT / "pyproject.toml").read_text()


def test_every_pinned_package_is_listed_with_its_hashes(sbom):
    text = (ROOT / "requirements.txt").read_text()
    pinned = dict(re.findall(r"^([\w.-]+)(?:\[[\w,-]+\])?==(\S+)", text, re.MULTILINE))
    hashes = {
        component["name"]: {
            entry["content"] for reference in component["externalReferences"] for entry in reference["hashes"]
        }
        for component in sbom["components"]
    }

    assert {component["name"]: component["version"] for component in sbom["components"]} == pinned
    assert set().union(*hashes.values()) == set(re.findall(r"--hash=sha256:(\w+)", text))
    assert all(hashes.values())
