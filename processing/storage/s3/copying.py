"""A second object with the same bytes, made by the bucket itself: nothing of it comes this way."""

from typing import Any

from processing.storage.s3 import transfer

MOST = 5 << 30
"""What S3 copies in one go."""
PART = 1 << 30


def copy(client: Any, source: dict[str, str], target: dict[str, str]) -> None:
    """With its metadata. Repeating is harmless. A missing source raises as a GET of it does."""
    head = client.head_object(**source)
    if head["ContentLength"] <= MOST:
        client.copy_object(CopySource=source, **target)
        return
    _in_parts(client, source, target, head)


def _in_parts(client: Any, source: dict[str, str], target: dict[str, str], head: dict[str, Any]) -> None:
    size = head["ContentLength"]
    about = {"Metadata": head.get("Metadata", {}), "ContentType": head["ContentType"]}
    multipart = target | {"UploadId": client.create_multipart_upload(**target, **about)["UploadId"]}
    try:
        parts = [
            _part(client, source, multipart, number, at, min(at + PART, size) - 1, head["ETag"])
            for number, at in enumerate(range(0, size, PART), 1)
        ]
        client.complete_multipart_upload(MultipartUpload={"Parts": parts}, **multipart)
    except BaseException:
        transfer.abort(client, multipart)
        raise


def _part(
    client: Any, source: dict[str, str], multipart: dict[str, str], number: int, first: int, last: int, etag: str
) -> dict[str, Any]:
    answer = client.upload_part_copy(
        CopySource=source,
        CopySourceRange=f"bytes={first}-{last}",
        CopySourceIfMatch=etag,  # all parts of one and the same
        PartNumber=number,
        **multipart,
    )
    return {"PartNumber": number, "ETag": answer["CopyPartResult"]["ETag"]}
