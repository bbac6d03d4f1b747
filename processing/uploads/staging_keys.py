"""Which keys in incoming/ are in use."""

import uuid

from processing.models import JobQuerySet, ProcessingJob, RerenderQuerySet, Upload
from processing.models.states import KEEPS_RAW
from processing.storage import keys as storage_keys
from processing.storage.base import LOCAL_COPY_PREFIX


def raw_in_use(keys: list[str]) -> set[uuid.UUID]:
    """Returns the ids of the uploads and active claims that still need these keys in incoming/."""
    owner_ids = {owner_id for key in keys if (owner_id := storage_keys.owner(key))}
    receiving = Upload.objects.receiving().filter(pk__in=owner_ids).values_list("pk", flat=True)
    raw_files = ProcessingJob.objects.filter(upload__in=owner_ids, state__in=KEEPS_RAW).values_list(
        "upload_id", flat=True
    )
    return {*receiving, *raw_files, *claims(ProcessingJob.objects.in_work().filter(claim__in=owner_ids))}


def claims(queryset: JobQuerySet | RerenderQuerySet) -> set[uuid.UUID]:
    return {claim for claim in queryset.order_by().values_list("claim", flat=True) if claim}


def is_local_copy(key: str) -> bool:
    """True for a temporary copy that a process is reading, or left behind when it was killed."""
    return key.startswith(f"{storage_keys.INCOMING}/{LOCAL_COPY_PREFIX}")
