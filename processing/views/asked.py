"""What a request asks for, and who asks."""

from django.contrib.auth.models import User
from django.http import HttpRequest


def who(request: HttpRequest) -> str:
    assert isinstance(request.user, User)
    return request.user.get_username()


def jobs(request: HttpRequest) -> list[int]:
    """The ids that a form names; what cannot be one is passed over."""
    return [int(job) for job in request.POST.getlist("job") if job.isascii() and job.isdigit() and len(job) < 19]
