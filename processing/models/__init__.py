"""The workshop's rows."""

from processing.models.intake import Batch, Part, Upload, UploadQuerySet
from processing.models.jobs import JobEvent, JobQuerySet, Preview, ProcessingJob, Rerender, RerenderQuerySet
from processing.models.workshop import BucketConnection, Finding, Measurement, Round, WorkerPulse

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
