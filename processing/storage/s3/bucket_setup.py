"""Sets the bucket's CORS rule, which admits uploads from Darkroom's pages, and the lifecycle rule for abandoned parts.

Other rules of the bucket remain: Darkroom's are recognised by their ids.
"""

from collections.abc import Callable, Iterator
from typing import Any

from botocore.exceptions import ClientError

from processing.storage import storage_errors
from processing.storage.s3 import s3_client
from processing.storage.s3.config import Connection
from processing.storage.s3.selfcheck import StepResult

CORS_RULE_ID, PARTS_RULE_ID = "darkroom-pages", "darkroom-parts"
ABORT_AFTER_DAYS = 2
"""An idle upload expires after half an hour, and the sweep aborts it. This rule is for uploads that the sweep cannot know of."""
NO_RULES_CODES = {"NoSuchCORSConfiguration", "NoSuchLifecycleConfiguration"}
UNSUPPORTED_CODES = {"NotImplemented", "MethodNotAllowed", "501", "405"}


def set_up(connection: Connection, origins: list[str]) -> Iterator[StepResult]:
    """Sets the rules and reads them back. Repeating is harmless. Raises StorageError if the bucket is not accessible."""
    client = s3_client.client(connection)
    yield _apply("pages", f"Browsers may upload from {', '.join(origins)}.", lambda: _cors(client, connection, origins))
    message = f"Incomplete multipart uploads are deleted after {ABORT_AFTER_DAYS} days."
    yield _apply("parts", message, lambda: _lifecycle(client, connection))


def create(connection: Connection) -> bool:
    """Creates the bucket. False if it exists already."""
    client = s3_client.client(connection)
    with storage_errors.translated():
        if connection.bucket in {bucket["Name"] for bucket in client.list_buckets()["Buckets"]}:
            return False
        location = (
            {} if connection.region == "us-east-1" or connection.endpoint else {"LocationConstraint": connection.region}
        )
        client.create_bucket(Bucket=connection.bucket, **({"CreateBucketConfiguration": location} if location else {}))
    return True


def _apply(step: str, message: str, set_rule: Callable[[], bool]) -> StepResult:
    try:
        with storage_errors.translated():
            is_set = set_rule()
    except storage_errors.StorageError as error:
        if not any(f"{code}:" in error.cause for code in UNSUPPORTED_CODES):
            raise
        return StepResult(step, "This server doesn't support such rules.", "s3-no-rules", is_warning=True)
    return (
        StepResult(step, message)
        if is_set
        else StepResult(step, "The bucket accepted the rule but didn't keep it.", "s3-rules")
    )


def _cors(client: Any, connection: Connection, origins: list[str]) -> bool:
    rule = {
        "ID": CORS_RULE_ID,
        "AllowedOrigins": origins,
        "AllowedMethods": ["GET", "HEAD", "PUT", "POST"],  # POST: a form, which is how Uppy sends small files
        "AllowedHeaders": ["*"],
        "ExposeHeaders": ["ETag"],  # by which a page names the parts that it has uploaded
        "MaxAgeSeconds": 3600,
    }
    other_rules = [
        cors_rule
        for cors_rule in _current_rules(client.get_bucket_cors, "CORSRules", connection)
        if cors_rule.get("ID") != CORS_RULE_ID
    ]
    client.put_bucket_cors(Bucket=connection.bucket, CORSConfiguration={"CORSRules": [*other_rules, rule]})
    return any(
        cors_rule.get("ID") == CORS_RULE_ID
        and cors_rule["AllowedOrigins"] == origins
        and "ETag" in cors_rule.get("ExposeHeaders", ())
        for cors_rule in _current_rules(client.get_bucket_cors, "CORSRules", connection)
    )


def _lifecycle(client: Any, connection: Connection) -> bool:
    rule = {
        "ID": PARTS_RULE_ID,
        "Status": "Enabled",
        "Filter": {"Prefix": connection.prefix},
        "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": ABORT_AFTER_DAYS},
    }
    get_rules = client.get_bucket_lifecycle_configuration
    other_rules = [
        lifecycle_rule
        for lifecycle_rule in _current_rules(get_rules, "Rules", connection)
        if lifecycle_rule.get("ID") != PARTS_RULE_ID
    ]
    client.put_bucket_lifecycle_configuration(
        Bucket=connection.bucket, LifecycleConfiguration={"Rules": [*other_rules, rule]}
    )
    return any(
        lifecycle_rule.get("ID") == PARTS_RULE_ID and lifecycle_rule["Status"] == "Enabled"
        for lifecycle_rule in _current_rules(get_rules, "Rules", connection)
    )


def _current_rules(get_rules: Any, name: str, connection: Connection) -> list[dict[str, Any]]:
    try:
        rules: list[dict[str, Any]] = get_rules(Bucket=connection.bucket)[name]
    except ClientError as error:
        if error.response["Error"]["Code"] in NO_RULES_CODES:
            return []
        raise
    return rules
