"""The limits page: the doctor's measurements with remedies, and the space in staging that can be reclaimed."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.template.defaultfilters import filesizeformat
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from albums.access import MayNotDelete
from processing.doctor import browser_results, measurements
from processing.maintenance import reclaim as maintenance_reclaim
from processing.queries import diagnostics_page
from processing.views.access import may_delete_of_any_album, require_album_admin


@require_safe
@never_cache
@require_album_admin
def page(request: HttpRequest) -> HttpResponse:
    return render(request, "diagnostics/page.html", {"limits": diagnostics_page.current()})


@require_POST
@require_album_admin
def measure(request: HttpRequest) -> HttpResponse:
    """Starts a measurement from the server, through PUBLIC_URL or its own address, and adds the browser's results to it."""
    results = browser_results.read(request.POST)
    measurements.begin(results.diagnoses, results.largest)
    return redirect("processing:limits")


@require_POST
@require_album_admin
def reclaim(request: HttpRequest) -> HttpResponse:
    """Deletes idle uploads and orphans from staging. Raises MayNotDelete, since the files may belong to any user."""
    if not may_delete_of_any_album(request):
        raise MayNotDelete
    freed = maintenance_reclaim.reclaim()
    messages.success(request, f"Freed up {filesizeformat(freed)}." if freed else "Nothing to free up.")
    return redirect("processing:limits")
