"""Errors of the bucket, classified by their remedy, with messages for the administrator.

A permanent error lasts until a person fixes its cause; other errors may be retried. A missing object is a FileNotFoundError,
as on a disk.
"""

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any


class StorageError(OSError):
    """A request to the bucket failed. `cause` is the bucket's own message, for logs."""

    def __init__(self, kind: "ErrorKind", cause: str = "") -> None:
        super().__init__(kind.errno, kind.message)
        self.code, self.message, self.permanent, self.cause = kind.code, kind.message, kind.permanent, cause

    def __str__(self) -> str:
        return f"{self.message} ({self.cause})" if self.cause else self.message


def is_damage(error: OSError) -> bool:
    """True if the error concerns this file alone: missing, unreadable or changed. Otherwise the disk or the bucket failed."""
    if isinstance(error, StorageError):
        return False
    return isinstance(error, FileNotFoundError) or error.errno == errno.EIO


@dataclass(frozen=True, slots=True)
class ErrorKind:
    code: str
    message: str
    permanent: bool = False
    errno: int = errno.EIO


UNSET = ErrorKind(
    "s3-unset",
    "This file is in an S3 bucket, but none is configured. Restore S3_BUCKET and the other S3 settings.",
    permanent=True,
)
CREDENTIALS = ErrorKind(
    "s3-credentials",
    "The bucket rejects the server's keys. Check S3_ACCESS_KEY, S3_SECRET_KEY and their permissions.",
    permanent=True,
)
CLOCK = ErrorKind(
    "s3-credentials",
    "The bucket rejects the server's signature, because their clocks differ. Correct the server's clock.",
    permanent=True,
)
BUCKET_MISSING = ErrorKind(
    "s3-bucket-missing",
    "The bucket doesn't exist. Check S3_BUCKET, S3_ENDPOINT and S3_REGION, or create it.",
    permanent=True,
)
REGION = ErrorKind(
    "s3-bucket-missing",
    "The bucket is in another region or at another endpoint. Check S3_REGION and S3_ENDPOINT.",
    permanent=True,
)
NETWORK = ErrorKind("s3-network", "Can't reach the S3 server, or the connection broke. Retrying automatically.")
THROTTLED = ErrorKind("s3-throttled", "The bucket limits requests. Retrying more slowly.")
FULL = ErrorKind("s3-full", "The bucket is full. Free up space or raise its quota.", errno=errno.EDQUOT)
DAMAGED = ErrorKind("s3-network", "Data was damaged in transfer to or from the bucket. Retrying automatically.")
REJECTED = ErrorKind("s3-refused", "The bucket rejected a request. See the server's log for details.")

NOT_FOUND_CODES = {"NoSuchKey", "NotFound", "404"}
KINDS_BY_CODE = {
    **dict.fromkeys(
        (
            "InvalidAccessKeyId",
            "SignatureDoesNotMatch",
            "AccessDenied",
            "ExpiredToken",
            "InvalidToken",
            "TokenRefreshRequired",
        ),
        CREDENTIALS,
    ),
    **dict.fromkeys(("Forbidden", "403", "401", "AccountProblem", "AllAccessDisabled", "InvalidSecurity"), CREDENTIALS),
    "RequestTimeTooSkewed": CLOCK,
    "NoSuchBucket": BUCKET_MISSING,
    "InvalidBucketName": BUCKET_MISSING,
    **dict.fromkeys(
        ("PermanentRedirect", "AuthorizationHeaderMalformed", "IllegalLocationConstraintException", "301"), REGION
    ),
    **dict.fromkeys(
        ("SlowDown", "Throttling", "ThrottlingException", "RequestLimitExceeded", "TooManyRequests"), THROTTLED
    ),
    **dict.fromkeys(("503", "429", "ServiceUnavailable"), THROTTLED),
    **dict.fromkeys(("InternalError", "RequestTimeout", "OperationAborted", "500", "502", "504"), NETWORK),
    **dict.fromkeys(("BadDigest", "InvalidDigest", "XAmzContentSHA256Mismatch", "IncompleteBody"), DAMAGED),
    **dict.fromkeys(("QuotaExceeded", "XMinioStorageFull", "InsufficientStorage", "507"), FULL),
}
"""By the error code in the bucket's response, or by the HTTP status: the response to a HEAD has no body with a code."""


@contextmanager
def translated(key: str = "") -> Iterator[None]:
    """Translates exceptions of boto3 in the block into an OSError. `key`: the file name of a FileNotFoundError."""
    from botocore.exceptions import BotoCoreError, ClientError
    from urllib3.exceptions import HTTPError

    try:
        yield
    except (BotoCoreError, ClientError, HTTPError) as error:
        raise classified(error, key) from error


def classified(error: Exception, key: str = "") -> OSError:
    from botocore import exceptions
    from urllib3.exceptions import HTTPError

    if isinstance(error, exceptions.ClientError):
        return _classified_response(error.response, key)
    network_errors = (exceptions.HTTPClientError, exceptions.ConnectionError, exceptions.IncompleteReadError, HTTPError)
    if isinstance(error, network_errors):
        return StorageError(NETWORK, str(error))
    credential_errors = (
        exceptions.NoCredentialsError,
        exceptions.PartialCredentialsError,
        exceptions.CredentialRetrievalError,
    )
    return StorageError(CREDENTIALS if isinstance(error, credential_errors) else REJECTED, str(error))


def _classified_response(response: dict[str, Any], key: str) -> OSError:
    code = str(response.get("Error", {}).get("Code", ""))
    if code in NOT_FOUND_CODES:
        return FileNotFoundError(errno.ENOENT, "There are no such bytes", key)
    status = response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    kind = KINDS_BY_CODE.get(code) or (NETWORK if status >= 500 else REJECTED)
    return StorageError(kind, f"{code}: {response.get('Error', {}).get('Message', '')}")
