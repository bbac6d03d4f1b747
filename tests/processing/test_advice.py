"""Every code that a file can fail with has its advice, and no other."""

import re
from pathlib import Path

from processing import advice, sandbox, sweeper, worker
from processing.intake import refusals as intake
from processing.pipeline import Refused
from processing.pipeline import refusals as pipeline
from processing.storage import trouble


def of_the_pipeline() -> dict[str, bool]:
    """By code, whether it is permanent. The first has only subclasses; who is aborted hands the job back."""
    classes: dict[str, type[Refused]] = {**pipeline._by_code(), "timeout": sandbox.TimedOut, "crashed": sandbox.Crashed}
    return {code: found.permanent for code, found in classes.items() if code not in ("refused", "aborted")}


def of_the_worker() -> set[str]:
    told = {value[0] for value in vars(worker).values() if isinstance(value, tuple) and len(value) == 2}
    return told | {sweeper.LOST[0]}


def of_the_bucket() -> set[str]:
    """A bucket that is full waits like a disk that is."""
    return {value.code for value in vars(trouble).values() if isinstance(value, trouble.Kind)} - {trouble.FULL.code}


def test_every_code_of_a_failed_job_has_its_advice():
    assert advice.FAILED.keys() == of_the_pipeline().keys() | of_the_worker() | of_the_bucket()


def test_every_code_of_a_refused_upload_has_its_advice():
    told = {value.code for value in vars(intake).values() if isinstance(value, intake.Refusal)}

    assert advice.REFUSED.keys() == told


def test_trying_again_may_help_where_a_failure_is_not_permanent():
    permanent = of_the_pipeline()

    assert {code: not advice.FAILED[code].may_help for code in permanent} == permanent


def test_nothing_is_left_to_try_of_an_upload_that_was_refused():
    assert not any(each.may_help for each in advice.REFUSED.values())


def test_what_is_no_mishap_is_a_code():
    assert advice.REFUSED.keys() >= advice.NO_MISHAP


def test_every_advice_is_a_heading_and_whole_sentences():
    for each in [*advice.FAILED.values(), *advice.REFUSED.values(), advice.UNKNOWN]:
        assert each.reason
        assert not each.reason.endswith(".")
        assert each.todo.endswith(".")
        assert "  " not in each.todo


def test_settings_that_are_named_are_settings():
    words = " ".join(each.todo for each in [*advice.FAILED.values(), *advice.REFUSED.values()])
    documented = (Path(__file__).parents[2] / "docs/configuration.md").read_text(encoding="utf-8")

    assert {name for name in re.findall(r"\b[A-Z]+(?:_[A-Z]+)+\b", words) if f"| `{name}` |" not in documented} == set()


def test_a_code_of_another_version_has_some_advice():
    assert advice.of_failed("from-the-future").may_help
    assert advice.of_refused("from-the-future").todo == advice.SEND_AGAIN
