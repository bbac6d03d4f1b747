"""The models of the processing app."""

from processing.models.maintenance import (
    BucketConnection,
    Finding,
    Measurement,
    Rerender,
    RerenderQuerySet,
    Round,
    WorkerPulse,
)
from processing.models.statistics import Rollup
from processing.models.uploads import (
    Batch,
    JobEvent,
    JobQuerySet,
    Part,
    Preview,
    ProcessingJob,
    Upload,
    UploadQuerySet,
)

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
    "Rollup",
    "Round",
    "Upload",
    "UploadQuerySet",
    "WorkerPulse",
]
