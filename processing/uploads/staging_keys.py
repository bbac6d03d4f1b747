"""Keys in incoming/, and which upload or claim owns each."""

import uuid

from processing.models import JobQuerySet, ProcessingJob, RerenderQuerySet, Upload
from processing.models.states import KEEPS_RAW
from processing.storage import keys as storage_keys
from processing.storage.base import ON_LOAN


def raw_in_use(keys: list[str]) -> set[uuid.UUID]:
    """Which of the owners of these incoming/ keys (uploads, or claims at work) still want them."""
    owners = {identity for key in keys if (identity := owner(key))}
    receiving = Upload.objects.receiving().filter(pk__in=owners).values_list("pk", flat=True)
    kept = ProcessingJob.objects.filter(upload__in=owners, state__in=KEEPS_RAW).values_list("upload_id", flat=True)
    return {*receiving, *kept, *claims(ProcessingJob.objects.in_work().filter(claim__in=owners))}


def claims(rows: JobQuerySet | RerenderQuerySet) -> set[uuid.UUID]:
    return {claim for claim in rows.order_by().values_list("claim", flat=True) if claim}


def owner(key: str) -> uuid.UUID | None:
    """Of incoming/<upload>, incoming/<upload>.part or incoming/<claim>.work/…"""
    name = storage_keys.bare(key).split("/")[1].split(".")[0]
    try:
        return uuid.UUID(name)
    except ValueError:
        return None


def is_on_loan(key: str) -> bool:
    """A copy that somebody reads just now, or did before they were killed."""
    return key.startswith(f"incoming/{ON_LOAN}")
