"""Which tests a change affects, tested with Darkroom's own modules."""

import pytest

from tests.support import affected


def affected_by(*changed: str) -> set[str]:
    return set(affected.select(changed).affected)


@pytest.fixture(scope="module")
def all_tests() -> set[str]:
    return affected_by("config/settings.py")


def test_a_change_of_the_settings_affects_all_tests(all_tests: set[str]) -> None:
    assert {"tests/test_doors.py", "tests/pipeline/test_colour.py", "tests/config/test_env.py"} <= all_tests


def test_a_module_affects_the_tests_that_import_it() -> None:
    assert affected_by("config/server/supervisor.py") == {
        "tests/config/server/test_supervisor.py",
        "tests/faults/test_run.py",
        "tests/faults/test_upgrade.py",
    }


def test_a_module_affects_tests_that_import_it_through_others() -> None:
    assert "tests/processing/rendering/test_worker.py" in affected_by("processing/lib/backoff.py")


def test_a_view_affects_tests_that_send_requests(all_tests: set[str]) -> None:
    affected_tests = affected_by("processing/views/manifest_endpoint.py")

    assert {"tests/journeys/uploads/test_manifest.py", "tests/test_doors.py"} <= affected_tests
    assert "tests/pipeline/test_colour.py" in all_tests - affected_tests


def test_a_template_affects_tests_that_send_requests_and_browser_tests() -> None:
    selection = affected.select(["templates/base.html"])

    assert "tests/journeys/test_panel.py" in selection.affected
    assert "tests/config/test_env.py" not in selection.affected
    assert selection.changes_pages


def test_a_command_affects_the_tests_that_call_it() -> None:
    assert affected_by("processing/management/commands/drain.py") == {"tests/processing/commands/test_drain.py"}


def test_a_changed_test_affects_only_itself() -> None:
    selection = affected.select(["tests/config/test_env.py"])

    assert selection.affected == selection.changed == ("tests/config/test_env.py",)


def test_a_conftest_affects_the_tests_below_it() -> None:
    selected = affected_by("tests/journeys/direct/conftest.py")

    assert "tests/journeys/direct/test_doors.py" in selected
    assert "tests/journeys/uploads/test_form.py" not in selected


def test_documentation_affects_its_own_tests() -> None:
    assert affected_by("docs/testing.md") == {"tests/test_docs.py"}


def test_a_deleted_module_affects_no_test() -> None:
    assert affected_by("processing/gone.py") == set()


def test_the_nearest_tests_of_a_module_come_first() -> None:
    ordered = affected.by_distance("processing/lib/row_counts.py")

    assert set(ordered) == affected_by("processing/lib/row_counts.py")
    assert ordered[0] == "tests/processing/lib/test_row_counts.py"
    assert ordered.index("tests/processing/commands/test_queue_status.py") < ordered.index(
        "tests/browser/uploading/test_limits.py"
    )


def test_no_test_that_the_settings_affect_is_left_out(all_tests: set[str]) -> None:
    assert set(affected.by_distance("config/settings.py")) == all_tests
