"""The models of processing in Django admin: read-only, with actions for jobs. States cannot be edited."""

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.auth.models import User
from django.db.models import Count, Model, QuerySet, Sum
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.template.defaultfilters import pluralize
from django.urls import reverse
from django.utils import timezone

from processing import jobs
from processing.models import Batch, Finding, JobEvent, Measurement, ProcessingJob, Upload, WorkerPulse
from processing.models.states import ACTIVE, JobState
from processing.views.access import may_delete_of_any_album


class ReadOnlyAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """A read-only admin."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


MAX_EXAMPLES = 20
"""File names on the confirmation page."""
CARRIED_FIELDS = (ACTION_CHECKBOX_NAME, "select_across")
"""Form fields that the confirmation page repeats to select the same jobs. Filters are part of its URL."""


def _is_confirmed(request: HttpRequest) -> bool:
    return request.POST.get("post") == "yes"


def _unchanged(request: HttpRequest, jobs: QuerySet[ProcessingJob]) -> QuerySet[ProcessingJob]:
    """Leaves out jobs that changed after the confirmation page was shown, since that page did not count them."""
    try:
        until = datetime.fromisoformat(request.POST.get("until", ""))
    except ValueError:
        return jobs
    return jobs.filter(updated_at__lte=until)


def _brief(moment: datetime | None) -> str:
    """Formats a time so that its column is narrow."""
    return f"{timezone.localtime(moment):%Y-%m-%d %H:%M:%S}" if moment else ""


class AgeFilter(admin.SimpleListFilter):
    title = "age"
    parameter_name = "age"
    AGES = {"hour": timedelta(hours=1), "day": timedelta(days=1), "week": timedelta(weeks=1)}

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(name, f"Older than 1 {name}") for name in self.AGES]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        age = self.AGES.get(self.value() or "")
        return queryset.filter(created_at__lt=timezone.now() - age) if age else queryset


class CodeFilter(admin.AllValuesFieldListFilter):
    """Filters by error code. Rows without one have a label, since a link needs a name."""

    def choices(self, changelist: Any) -> Iterator[Any]:
        for choice in super().choices(changelist):
            yield {**choice, "display": choice["display"] or "None"}


class TimelineInline(admin.TabularInline):  # type: ignore[type-arg]
    model = JobEvent
    template = "admin/processing/timeline.html"
    fields = readonly_fields = ("at", "edge", "attempt", "code", "detail", "by")
    extra = 0
    can_delete = False

    def has_add_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


@admin.register(ProcessingJob)
class JobAdmin(ReadOnlyAdmin):
    list_display = ("id", "original_filename", "album", "state", "error_code", "attempts", "created", "finished")
    list_display_links = ("id", "original_filename")
    list_filter = ("state", ("error_code", CodeFilter), AgeFilter, ("album", admin.RelatedOnlyFieldListFilter))
    list_select_related = ("album",)
    search_fields = ("original_filename", "error_message", "album__title", "upload__sha256", "raw_path")
    date_hierarchy = "created_at"
    inlines = (TimelineInline,)
    actions = ("requeue", "cancel", "dismiss")

    @admin.display(ordering="created_at")
    def created(self, job: ProcessingJob) -> str:
        return _brief(job.created_at)

    @admin.display(ordering="finished_at")
    def finished(self, job: ProcessingJob) -> str:
        return _brief(job.finished_at)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Adds the actions that are possible in the job's state and allowed for the user."""
        job = self.get_object(request, object_id)
        possible = self._possible_actions(job) if job else ()
        allowed = self.get_actions(request)
        actions = [(name, label) for name, label in possible if name in allowed]
        return super().change_view(request, object_id, form_url, {**(extra_context or {}), "job_actions": actions})

    @staticmethod
    def _possible_actions(job: ProcessingJob) -> tuple[tuple[str, str], ...]:
        if job.state == JobState.FAILED:
            return (("requeue", "Retry"), ("dismiss", "Dismiss and delete file"))
        return (("cancel", "Cancel and delete file"),) if job.state in ACTIVE else ()

    @admin.action(description="Retry failed jobs", permissions=["move"])
    def requeue(self, request: HttpRequest, queryset: QuerySet[ProcessingJob]) -> None:
        self._apply(request, queryset, jobs.requeue, "retried", "failed")

    @admin.action(description="Cancel queued and running jobs, and delete their files", permissions=["discard"])
    def cancel(self, request: HttpRequest, queryset: QuerySet[ProcessingJob]) -> HttpResponse | None:
        if not _is_confirmed(request):
            return self._ask(request, queryset, queryset.filter(state__in=ACTIVE), "cancel")
        self._apply(request, _unchanged(request, queryset), jobs.cancel, "cancelled", "queued or running")
        return None

    @admin.action(description="Dismiss failed jobs, and delete their files", permissions=["discard"])
    def dismiss(self, request: HttpRequest, queryset: QuerySet[ProcessingJob]) -> HttpResponse | None:
        if not _is_confirmed(request):
            return self._ask(request, queryset, queryset.filter(state=JobState.FAILED), "dismiss")
        self._apply(request, _unchanged(request, queryset), jobs.dismiss, "dismissed", "failed")
        return None

    def has_move_permission(self, request: HttpRequest) -> bool:
        """True with Django's permission to change jobs, although the models are read-only."""
        assert isinstance(request.user, User)
        return request.user.has_perm("processing.change_processingjob")

    def has_discard_permission(self, request: HttpRequest) -> bool:
        """True if the user may also delete files of any album, since the actions delete raw files."""
        return self.has_move_permission(request) and may_delete_of_any_album(request)

    def _ask(
        self,
        request: HttpRequest,
        selected: QuerySet[ProcessingJob],
        affected: QuerySet[ProcessingJob],
        action: str,
    ) -> HttpResponse:
        """Returns the confirmation page with the number and size of the raw files that would be deleted."""
        context = {
            **self.admin_site.each_context(request),
            **affected.aggregate(count=Count("pk"), bytes=Sum("upload__size", default=0)),
            "title": f"{action.capitalize()} jobs",
            "opts": self.model._meta,
            "action": action,
            "chosen": selected.count(),
            "examples": affected.order_by("pk")[:MAX_EXAMPLES],
            "carried": [(name, value) for name in CARRIED_FIELDS for value in request.POST.getlist(name)],
            "until": timezone.now().isoformat(),
        }
        return render(request, "admin/processing/confirm_jobs.html", context)

    def _apply(
        self,
        request: HttpRequest,
        queryset: QuerySet[ProcessingJob],
        action: Callable[[ProcessingJob, str], bool],
        past_tense: str,
        expected_state: str,
    ) -> None:
        assert isinstance(request.user, User)
        selected = list(queryset)
        count = sum(action(job, request.user.get_username()) for job in selected)
        skipped = f" Skipped {len(selected) - count}: not {expected_state}." if count < len(selected) else ""
        message = f"{count} job{pluralize(count)} {past_tense}.{skipped}"
        self.message_user(request, message, messages.SUCCESS if count else messages.WARNING)


@admin.register(Batch)
class BatchAdmin(ReadOnlyAdmin):
    list_display = ("id", "album", "opened_by", "source", "opened_at", "finished_at", "dismissed_at")
    list_filter = ("source", "opened_at")
    list_select_related = ("album", "opened_by")
    search_fields = ("album__title", "opened_by__username")
    date_hierarchy = "opened_at"

    def view_on_site(self, batch: Batch) -> str:
        return reverse("processing:batch", args=[batch.pk])


@admin.register(Upload)
class UploadAdmin(ReadOnlyAdmin):
    list_display = ("name", "album", "state", "code", "size", "created_at", "ended_at")
    list_filter = ("state", ("code", CodeFilter), AgeFilter)
    list_select_related = ("album",)
    search_fields = ("id", "name", "sha256", "album__title")
    date_hierarchy = "created_at"


@admin.register(JobEvent)
class EventAdmin(ReadOnlyAdmin):
    list_display = ("at", "job", "edge", "attempt", "code", "by")
    list_filter = ("edge", ("code", CodeFilter), "at")
    list_select_related = ("job",)
    search_fields = ("job__original_filename", "code", "detail", "by")


@admin.register(Finding)
class FindingAdmin(ReadOnlyAdmin):
    list_display = ("key", "problem", "photo", "companion", "found_at")
    list_filter = ("problem", "found_at")
    list_select_related = ("photo", "companion")
    search_fields = ("key", "photo__name")


@admin.register(WorkerPulse)
class WorkerAdmin(ReadOnlyAdmin):
    list_display = ("name", "host", "version", "started_at", "seen_at", "developed", "lately", "drained_at")


@admin.register(Measurement)
class MeasurementAdmin(ReadOnlyAdmin):
    list_display = ("address", "begun_at", "ended_at", "largest_body")
