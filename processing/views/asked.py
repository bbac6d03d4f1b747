"""What a request asks for, and who asks."""

from django.contrib.auth.models import User
from django.db.models import QuerySet
from django.http import HttpRequest

from processing.models import ProcessingJob


def who(request: HttpRequest) -> str:
    assert isinstance(request.user, User)
    return request.user.get_username()


def named(request: HttpRequest, jobs: QuerySet[ProcessingJob]) -> QuerySet[ProcessingJob]:
    """Those of the jobs that a form names by `job`; all, if it names none. What cannot be an id is passed over."""
    ids = [int(job) for job in request.POST.getlist("job") if job.isascii() and job.isdigit() and len(job) < 19]
    return jobs.filter(pk__in=ids) if ids else jobs
