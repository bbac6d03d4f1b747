import errno
import logging

import pytest

from processing.pipeline.errors import Broken
from processing.rendering import failure_reasons
from processing.rendering.sandbox import Crashed
from processing.storage import storage_errors


@pytest.mark.parametrize(
    ("error", "code", "is_permanent", "level"),
    [
        (Broken(), "broken", True, None),
        (Crashed(), "crashed", False, None),
        (storage_errors.StorageError(storage_errors.CREDENTIALS), "s3-credentials", True, logging.WARNING),
        (OSError(errno.EIO, "Input/output error"), "storage", False, logging.ERROR),
        (RuntimeError("a bug"), "internal", False, logging.ERROR),
    ],
    ids=["a damaged file", "a crash", "the bucket", "the disk", "a bug"],
)
def test_every_error_has_a_reason_and_errors_for_administrators_are_logged(error, code, is_permanent, level, caplog):
    reason = failure_reasons.describe(error, "Job 7")

    assert (reason.code, reason.is_permanent, bool(reason.message)) == (code, is_permanent, True)
    assert [(record.levelno, record.message.partition(":")[0]) for record in caplog.records] == (
        [(level, "Job 7")] if level else []
    )
