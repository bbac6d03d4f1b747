"""Exactly the codes that a file can fail with have help texts."""

import re
from pathlib import Path

from processing.maintenance import sweep
from processing.pipeline import ImageRejected
from processing.pipeline import errors as pipeline
from processing.queries import help_texts
from processing.rendering import failure_reasons, sandbox, worker
from processing.storage import storage_errors
from processing.uploads import rejections as intake


def pipeline_codes() -> dict[str, bool]:
    """Whether each code is permanent. Without "refused", which only subclasses have, and "aborted", which requeues the job."""
    classes: dict[str, type[ImageRejected]] = {
        **pipeline._by_code(),
        "timeout": sandbox.TimedOut,
        "crashed": sandbox.Crashed,
    }
    return {code: error_class.permanent for code, error_class in classes.items() if code not in ("refused", "aborted")}


def worker_codes() -> set[str]:
    constants = [*vars(worker).values(), *vars(failure_reasons).values()]
    codes = {value[0] for value in constants if isinstance(value, tuple) and len(value) == 2}
    return codes | {sweep.LOST[0]}


def bucket_codes() -> set[str]:
    """All but the code of a full bucket, which is handled like a full disk."""
    return {value.code for value in vars(storage_errors).values() if isinstance(value, storage_errors.ErrorKind)} - {
        storage_errors.FULL.code
    }


def test_every_code_of_a_failed_job_has_a_help_text():
    assert help_texts.FAILED.keys() == pipeline_codes().keys() | worker_codes() | bucket_codes()


def test_every_code_of_a_rejected_upload_has_a_help_text():
    codes = {value.code for value in vars(intake).values() if isinstance(value, intake.RejectionReason)}

    assert help_texts.REJECTED.keys() == codes


def test_retrying_may_help_exactly_where_a_failure_is_not_permanent():
    permanent = pipeline_codes()

    assert {code: not help_texts.FAILED[code].retry_may_help for code in permanent} == permanent


def test_no_help_text_suggests_to_retry_a_rejected_upload():
    assert not any(help_text.retry_may_help for help_text in help_texts.REJECTED.values())


def test_codes_that_need_no_action_have_a_help_text():
    assert help_texts.REJECTED.keys() >= help_texts.NO_ACTION_CODES


def test_every_help_text_is_a_heading_and_whole_sentences():
    for help_text in [*help_texts.FAILED.values(), *help_texts.REJECTED.values(), help_texts.UNKNOWN]:
        assert help_text.reason
        assert not help_text.reason.endswith(".")
        assert help_text.remedy.endswith(".")
        assert "  " not in help_text.remedy


def test_settings_named_in_help_texts_are_documented():
    remedies = " ".join(help_text.remedy for help_text in [*help_texts.FAILED.values(), *help_texts.REJECTED.values()])
    documented = (Path(__file__).parents[3] / "docs/configuration.md").read_text(encoding="utf-8")

    assert {
        name for name in re.findall(r"\b[A-Z]+(?:_[A-Z]+)+\b", remedies) if f"| `{name}` |" not in documented
    } == set()


def test_an_unknown_code_has_a_general_help_text():
    assert help_texts.for_failed("from-the-future").retry_may_help
    assert help_texts.for_rejected("from-the-future").remedy == help_texts.SEND_AGAIN
