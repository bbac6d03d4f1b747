"""The overview of Activity, for users who may change any album: its figures are about all of them."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from processing.queries import activity_overview
from processing.statistics.series import Period
from processing.views.access import require_album_admin


@require_safe
@require_album_admin
def overview(request: HttpRequest) -> HttpResponse:
    """`period` is hour, day or month."""
    return render(
        request, "activity/page.html", {"activity": activity_overview.build(Period.of(request.GET.get("period", "")))}
    )
