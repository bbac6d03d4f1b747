"""The docs tell the truth about what can be checked."""

import re
from pathlib import Path

ROOT = Path(__file__).parent.parent


def settings_read() -> set[str]:
    source = (ROOT / "config/settings.py").read_text(encoding="utf-8")
    return set(re.findall(r'env\.\w+\(\s*"([A-Z0-9_]+)"', source))


def test_every_setting_is_documented_and_nothing_else():
    text = (ROOT / "docs/configuration.md").read_text(encoding="utf-8")

    assert set(re.findall(r"^\| `([A-Z0-9_]+)` \|", text, re.MULTILINE)) == settings_read()


def test_every_documented_default_is_the_real_one():
    text = (ROOT / "docs/configuration.md").read_text(encoding="utf-8")
    source = (ROOT / "config/settings.py").read_text(encoding="utf-8")
    documented = dict(re.findall(r"^\| `([A-Z0-9_]+)` \| `([^`/]+)` \|", text, re.MULTILINE))

    real = dict(re.findall(r'env\.\w+\("([A-Z0-9_]+)", "?([\w.]+)"?', source))

    assert {name: real.get(name) for name in documented} == documented


def test_links_between_pages_lead_somewhere():
    for page in [ROOT / "README.md", *ROOT.glob("docs/**/*.md")]:
        for target in re.findall(r"\]\(([^)#]+)\)", page.read_text(encoding="utf-8")):
            assert "://" in target or (page.parent / target).exists(), f"{page.name}: {target}"


def test_every_state_and_edge_is_documented():
    from processing.states import EDGES

    text = (ROOT / "docs/state-machine.md").read_text(encoding="utf-8")
    rows = set(re.findall(r"^\| (\w+) \|", text, re.MULTILINE)) - {"edge", "code"}

    assert rows == {"create", *(edge.name for edge in EDGES)}
