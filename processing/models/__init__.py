"""The workshop's rows."""

from processing.models.job_rows import JobEvent, JobQuerySet, Preview, ProcessingJob, Rerender, RerenderQuerySet
from processing.models.maintenance import BucketConnection, Finding, Measurement, Round, WorkerPulse
from processing.models.uploads import Batch, Part, Upload, UploadQuerySet

__all__ = [
    "Batch",
    "BucketConnection",
    "Finding",
    "JobEvent",
    "JobQuerySet",
    "Measurement",
    "Part",
    "Preview",
    "ProcessingJob",
    "Rerender",
    "RerenderQuerySet",
    "Round",
    "Upload",
    "UploadQuerySet",
    "WorkerPulse",
]
