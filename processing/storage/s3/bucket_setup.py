"""The rules of a bucket that Darkroom needs: who may send to it from a page, and that parts nobody completes go by themselves.

Rules of others stay: ours are known by their names.
"""

from collections.abc import Callable, Iterator
from typing import Any

from botocore.exceptions import ClientError

from processing.storage import errors
from processing.storage.s3 import client as s3_client
from processing.storage.s3.config import Connection
from processing.storage.s3.selfcheck import Outcome

CORS, PARTS = "darkroom-pages", "darkroom-parts"
DAYS = 2
"""An upload of which nothing comes expires after half an hour, and the sweep aborts it: this is for what it cannot know of."""
NONE_YET = {"NoSuchCORSConfiguration", "NoSuchLifecycleConfiguration"}
NOT_KNOWN = {"NotImplemented", "MethodNotAllowed", "501", "405"}


def set_up(connection: Connection, origins: list[str]) -> Iterator[Outcome]:
    """Put the rules in place, read back; repeating is harmless. Raises StorageTrouble when the bucket is not to be had."""
    client = s3_client.client(connection)
    yield _settled(
        "pages", f"Pages of {', '.join(origins)} may send to the bucket.", lambda: _cors(client, connection, origins)
    )
    words = f"Parts that nobody completes are deleted after {DAYS} days."
    yield _settled("parts", words, lambda: _lifecycle(client, connection))


def create(connection: Connection) -> bool:
    """Make the bucket, unless it is there."""
    client = s3_client.client(connection)
    with errors.told():
        if connection.bucket in {each["Name"] for each in client.list_buckets()["Buckets"]}:
            return False
        where = (
            {} if connection.region == "us-east-1" or connection.endpoint else {"LocationConstraint": connection.region}
        )
        client.create_bucket(Bucket=connection.bucket, **({"CreateBucketConfiguration": where} if where else {}))
    return True


def _settled(step: str, words: str, act: Callable[[], bool]) -> Outcome:
    try:
        with errors.told():
            is_kept = act()
    except errors.StorageTrouble as found:
        if not any(f"{code}:" in found.cause for code in NOT_KNOWN):
            raise
        return Outcome(step, "This server has no such rules.", "s3-no-rules", is_warning=True)
    return (
        Outcome(step, words)
        if is_kept
        else Outcome(step, "The bucket took the rule, and does not have it.", "s3-rules")
    )


def _cors(client: Any, connection: Connection, origins: list[str]) -> bool:
    rule = {
        "ID": CORS,
        "AllowedOrigins": origins,
        "AllowedMethods": ["GET", "HEAD", "PUT", "POST"],  # POST: a form, as Uppy sends small files
        "AllowedHeaders": ["*"],
        "ExposeHeaders": ["ETag"],  # by which a page tells the parts that it sent
        "MaxAgeSeconds": 3600,
    }
    theirs = [each for each in _there(client.get_bucket_cors, "CORSRules", connection) if each.get("ID") != CORS]
    client.put_bucket_cors(Bucket=connection.bucket, CORSConfiguration={"CORSRules": [*theirs, rule]})
    return any(
        each.get("ID") == CORS and each["AllowedOrigins"] == origins and "ETag" in each.get("ExposeHeaders", ())
        for each in _there(client.get_bucket_cors, "CORSRules", connection)
    )


def _lifecycle(client: Any, connection: Connection) -> bool:
    rule = {
        "ID": PARTS,
        "Status": "Enabled",
        "Filter": {"Prefix": connection.prefix},
        "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": DAYS},
    }
    read = client.get_bucket_lifecycle_configuration
    theirs = [each for each in _there(read, "Rules", connection) if each.get("ID") != PARTS]
    client.put_bucket_lifecycle_configuration(
        Bucket=connection.bucket, LifecycleConfiguration={"Rules": [*theirs, rule]}
    )
    return any(each.get("ID") == PARTS and each["Status"] == "Enabled" for each in _there(read, "Rules", connection))


def _there(read: Any, name: str, connection: Connection) -> list[dict[str, Any]]:
    try:
        rules: list[dict[str, Any]] = read(Bucket=connection.bucket)[name]
    except ClientError as error:
        if error.response["Error"]["Code"] in NONE_YET:
            return []
        raise
    return rules
