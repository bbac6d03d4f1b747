"""Every code that a file can fail with has its advice, and no other."""

import re
from pathlib import Path

from processing.maintenance import sweep as recovery
from processing.pipeline import ImageRejected
from processing.pipeline import errors as pipeline
from processing.queries import help_texts
from processing.rendering import failure_reasons, sandbox, worker
from processing.storage import storage_errors
from processing.uploads import rejections as intake


def of_the_pipeline() -> dict[str, bool]:
    """By code, whether it is permanent. The first has only subclasses; who is aborted hands the job back."""
    classes: dict[str, type[ImageRejected]] = {
        **pipeline._by_code(),
        "timeout": sandbox.TimedOut,
        "crashed": sandbox.Crashed,
    }
    return {code: found.permanent for code, found in classes.items() if code not in ("refused", "aborted")}


def of_the_worker() -> set[str]:
    constants = [*vars(worker).values(), *vars(failure_reasons).values()]
    told = {value[0] for value in constants if isinstance(value, tuple) and len(value) == 2}
    return told | {recovery.LOST[0]}


def of_the_bucket() -> set[str]:
    """A bucket that is full waits like a disk that is."""
    return {value.code for value in vars(storage_errors).values() if isinstance(value, storage_errors.ErrorKind)} - {
        storage_errors.FULL.code
    }


def test_every_code_of_a_failed_job_has_its_advice():
    assert help_texts.FAILED.keys() == of_the_pipeline().keys() | of_the_worker() | of_the_bucket()


def test_every_code_of_a_refused_upload_has_its_advice():
    told = {value.code for value in vars(intake).values() if isinstance(value, intake.RejectionReason)}

    assert help_texts.REFUSED.keys() == told


def test_trying_again_may_help_where_a_failure_is_not_permanent():
    permanent = of_the_pipeline()

    assert {code: not help_texts.FAILED[code].retry_may_help for code in permanent} == permanent


def test_nothing_is_left_to_try_of_an_upload_that_was_refused():
    assert not any(each.retry_may_help for each in help_texts.REFUSED.values())


def test_what_is_no_mishap_is_a_code():
    assert help_texts.REFUSED.keys() >= help_texts.NO_ACTION_CODES


def test_every_advice_is_a_heading_and_whole_sentences():
    for each in [*help_texts.FAILED.values(), *help_texts.REFUSED.values(), help_texts.UNKNOWN]:
        assert each.reason
        assert not each.reason.endswith(".")
        assert each.remedy.endswith(".")
        assert "  " not in each.remedy


def test_settings_that_are_named_are_settings():
    words = " ".join(each.remedy for each in [*help_texts.FAILED.values(), *help_texts.REFUSED.values()])
    documented = (Path(__file__).parents[3] / "docs/configuration.md").read_text(encoding="utf-8")

    assert {name for name in re.findall(r"\b[A-Z]+(?:_[A-Z]+)+\b", words) if f"| `{name}` |" not in documented} == set()


def test_a_code_of_another_version_has_some_advice():
    assert help_texts.for_failed("from-the-future").retry_may_help
    assert help_texts.for_refused("from-the-future").remedy == help_texts.SEND_AGAIN
