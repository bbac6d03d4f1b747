"""Checks of the documents against the code, where that is possible."""

import ast
import re
from pathlib import Path

ROOT = Path(__file__).parent.parent


def settings_read() -> set[str]:
    source = (ROOT / "config/settings.py").read_text(encoding="utf-8")
    return set(re.findall(r'env\.\w+\(\s*"([A-Z0-9_]+)"', source))


def test_exactly_the_existing_settings_are_documented():
    text = (ROOT / "docs/configuration.md").read_text(encoding="utf-8")

    assert set(re.findall(r"^\| `([A-Z0-9_]+)` \|", text, re.MULTILINE)) == settings_read()


def test_every_documented_default_is_that_of_the_code():
    text = (ROOT / "docs/configuration.md").read_text(encoding="utf-8")
    source = (ROOT / "config/settings.py").read_text(encoding="utf-8")
    documented = dict(re.findall(r"^\| `([A-Z0-9_]+)` \| `([^`/]+)` \|", text, re.MULTILINE))

    real = dict(re.findall(r'env\.\w+\("([A-Z0-9_]+)", "?([\w.-]+(?:,\w+)*)"?', source))

    assert {name: real.get(name) for name in documented} == documented


def test_links_between_pages_lead_somewhere():
    for page in [ROOT / "README.md", ROOT / "SECURITY.md", *ROOT.glob("docs/**/*.md")]:
        for target in re.findall(r"\]\(([^)#]+)\)", page.read_text(encoding="utf-8")):
            assert "://" in target or (page.parent / target).exists(), f"{page.name}: {target}"


def table_of(heading: str) -> dict[str, str]:
    """Maps each code to the second column of its row."""
    text = (ROOT / "docs/state-machine.md").read_text(encoding="utf-8")
    section = text.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    rows = re.findall(r"^\| (`.+?`) \| (.+?) \|", section, re.MULTILINE)
    return {code: column for codes, column in rows for code in re.findall(r"`([a-z0-9-]+)`", codes)}


def test_every_code_of_a_failed_job_is_documented_with_its_class():
    from processing.maintenance import sweep
    from processing.pipeline import errors as pipeline_errors
    from processing.rendering import failure_reasons, sandbox, worker
    from processing.storage import storage_errors

    classes = {**pipeline_errors._by_code(), "timeout": sandbox.TimedOut, "crashed": sandbox.Crashed}
    del classes["refused"], classes["aborted"]  # the first only has subclasses; the second returns its job to the queue
    constants = [*vars(worker).values(), *vars(failure_reasons).values()]
    constant_codes = {value[0] for value in constants if isinstance(value, tuple) and len(value) == 2}
    error_kinds = {
        value.code: value for value in vars(storage_errors).values() if isinstance(value, storage_errors.ErrorKind)
    }
    del error_kinds[storage_errors.FULL.code]  # postpones the job, as a full disk does
    table = table_of("Errors")

    assert table.keys() == classes.keys() | constant_codes | {sweep.LOST[0]} | error_kinds.keys()
    classes |= error_kinds
    assert {code: table[code] == "yes" for code in classes} == {
        code: error.permanent for code, error in classes.items()
    }


def test_every_code_of_a_rejected_upload_is_documented():
    from processing.uploads import rejections

    codes = {value.code for value in vars(rejections).values() if isinstance(value, rejections.RejectionReason)}

    assert table_of("Uploads").keys() == codes - {rejections.EXPIRED.code}  # that is a state, not a rejection


def test_every_edge_of_the_state_machine_is_documented():
    from processing.models.states import EDGES

    text = (ROOT / "docs/state-machine.md").read_text(encoding="utf-8")
    rows = set(re.findall(r"^\| (\w+) \|", text, re.MULTILINE)) - {"edge", "code"}

    assert rows == {"create", *(edge.name for edge in EDGES)}


def test_every_problem_that_the_doctor_reports_is_documented():
    calls = [
        node
        for path in (ROOT / "processing/doctor").glob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and len(node.args) > 2 and {"bad", "warning"} & names_in(node.func)
    ]
    text = (ROOT / "docs/operations.md").read_text(encoding="utf-8")
    section = text.split("\n## When uploads fail: the doctor\n")[1].split("\n## ")[0]
    rows = re.findall(r"^\| (`.+?`) \|", section, re.MULTILINE)

    assert {code for row in rows for code in re.findall(r"`([a-z-]+)`", row)} == {
        call.args[0].value for call in calls if isinstance(call.args[0], ast.Constant)
    }


def names_in(function: ast.expr) -> set[str]:
    """The names in a called expression, such as `bad(…)`, `diagnosis.bad(…)` or `(bad if … else warning)(…)`."""
    nodes = list(ast.walk(function))
    return {n.id for n in nodes if isinstance(n, ast.Name)} | {n.attr for n in nodes if isinstance(n, ast.Attribute)}


def test_every_event_of_the_security_log_is_documented():
    from config.accounts.security_log import Event

    text = (ROOT / "docs/operations.md").read_text(encoding="utf-8")
    section = text.split("\n## Security log\n")[1].split("\n## ")[0]
    rows = re.findall(r"^\| (`.+?`) \|", section, re.MULTILINE)

    assert {code for row in rows for code in re.findall(r"`([a-z-]+)`", row)} == set(Event)


def test_every_kind_of_other_users_content_that_is_logged_is_documented():
    sources = [*(ROOT / "albums").glob("**/*.py"), *(ROOT / "processing/views").glob("*.py")]
    kinds = {
        value.value
        for path in sources
        for call in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(call, ast.Call) and "note_deletion" in names_in(call.func)
        for value in ast.walk(call.args[2])
        if isinstance(value, ast.Constant)
    }
    text = (ROOT / "docs/operations.md").read_text(encoding="utf-8")
    (row,) = re.findall(r"^\| `other-users-content-deleted` \| (.+) \|$", text, re.MULTILINE)

    assert set(re.findall(r"`([a-z-]+)`", row)) == kinds


def test_every_test_that_a_guarantee_names_exists():
    text = (ROOT / "docs/security.md").read_text(encoding="utf-8")
    named_tests = set(re.findall(r"`(tests/[\w/.]+)`", text))

    assert len(named_tests) > 15
    assert [name for name in sorted(named_tests) if not (ROOT / name).exists()] == []


def test_every_undocumented_interface_is_used_where_the_page_says():
    text = (ROOT / "docs/upgrading-dependencies.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (.+) \| (`.+`) \| (.+) \| (`tests/.+`) \|$", text, re.MULTILINE)
    unused = {}

    for interfaces, places, _, tests in rows:
        code = "".join((ROOT / path).read_text(encoding="utf-8") for path in re.findall("`(.+?)`", places))
        unused |= {name: places for name in re.findall(r"`([\w.]+)`", interfaces) if name not in code}
        assert [path for path in re.findall("`(.+?)`", tests) if not (ROOT / path).exists()] == []

    assert len(rows) == len(re.findall(r"^\| .* \|$", text, re.MULTILINE)) - text.count("| interface |")
    assert unused == {}


def modules_by_folder(section: str, package: str) -> dict[str, set[str]]:
    """The modules that the table of the package names, by folder. A folder without a row belongs to that of its parent."""
    table = section.split(f"| {package}/ | holds | modules |\n")[1].split("\n\n")[0]
    by_folder = {}
    for row in table.splitlines()[1:]:
        folders, _, modules = row.strip("| ").split(" | ")
        for folder in re.findall(r"`([\w/]+)/`", folders) or ["."]:
            by_folder[folder] = set(re.findall(r"`(\w+)`", modules))
    return by_folder


def test_every_module_is_listed_in_the_architecture():
    text = (ROOT / "docs/architecture.md").read_text(encoding="utf-8")
    section = text.split("\n## Where things are\n")[1].split("\n## ")[0]
    entry_points = {"__init__", "__main__", "admin", "apps", "signals", "tasks", "urls"}
    missing = []

    for package in ("processing", "config", "albums"):
        listed = modules_by_folder(section, package)
        for path in sorted((ROOT / package).rglob("*.py")):
            parts = path.relative_to(ROOT).with_suffix("").parts
            if {"management", "templatetags", "migrations"} & set(parts) or f"`{'.'.join(parts)}`" in section:
                continue
            folder = Path(*parts[1:-1])
            row = next((str(parent) for parent in (folder, *folder.parents) if str(parent) in listed), "")
            if path.stem not in listed.get(row, set()) | entry_points:
                missing.append("/".join(parts))

    assert missing == []


def test_the_paths_of_uploads_and_jobs_name_modules_and_functions_that_exist():
    """The functions that a line calls are public or private ones of the project, or methods of its classes."""
    text = (ROOT / "docs/architecture.md").read_text(encoding="utf-8")
    section = text.split("\n### A form upload, call by call\n")[1].split("\n### Receiving\n")[0]
    sources = [path for app in ("albums", "processing") for path in (ROOT / app).rglob("*.py")]
    definitions = [node for path in sources for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))]
    defined = {node.name for node in definitions if isinstance(node, (ast.FunctionDef, ast.ClassDef))}

    modules = set(re.findall(r"`((?:albums|config|processing)/[\w/]+\.py)`", section))
    called = set(re.findall(r"(\w+)\(\)", section))

    assert len(modules) > 15
    assert [module for module in sorted(modules) if not (ROOT / module).exists()] == []
    assert called - defined == set()
