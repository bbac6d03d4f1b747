"""The limits page: the doctor's measurements with remedies, and the space in staging that can be reclaimed."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.template.defaultfilters import filesizeformat
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from albums.views.access import MayNotDelete
from processing.doctor import browser_results, measurements
from processing.maintenance import reclaim as maintenance_reclaim
from processing.queries import diagnostics_page
from processing.views.access import for_keepers, may_delete_of_any_album


@require_safe
@never_cache
@for_keepers
def page(request: HttpRequest) -> HttpResponse:
    return render(request, "diagnostics/page.html", {"limits": diagnostics_page.of_now()})


@require_POST
@for_keepers
def measure(request: HttpRequest) -> HttpResponse:
    """Starts a measurement from the server, through PUBLIC_URL or its own address, and adds the browser's results to it."""
    results = browser_results.read(request.POST)
    measurements.begin(results.diagnoses, results.largest)
    return redirect("processing:limits")


@require_POST
@for_keepers
def reclaim(request: HttpRequest) -> HttpResponse:
    """Deletes idle uploads and orphans from staging. Raises MayNotDelete, since the files may belong to any user."""
    if not may_delete_of_any_album(request):
        raise MayNotDelete
    freed = maintenance_reclaim.reclaim()
    messages.success(request, f"Freed up {filesizeformat(freed)}." if freed else "Nothing to free up.")
    return redirect("processing:limits")
