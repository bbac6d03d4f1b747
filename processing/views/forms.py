"""Forms: the bucket of the storage page, and the filter of the list of batches."""

import re
from typing import Any
from urllib.parse import urlsplit

from django import forms
from django.conf import settings
from django.contrib.auth.models import User
from django.db.models import QuerySet
from django.http import HttpRequest

from albums.models import Album
from processing.maintenance.bucket_settings import UNREADABLE
from processing.queries import batch_list
from processing.queries.batch_list import BatchFilterValues, BatchState
from processing.storage.s3 import config as s3_config
from processing.storage.s3.config import Connection

NAME = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
"""The rules that all S3 servers share: https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html"""
PORTS = {"http": 80, "https": 443}
MAX_SEARCH_LENGTH = 200
ADDRESSING = (("auto", "Automatic"), ("path", "endpoint/bucket/…"), ("virtual", "bucket.endpoint/…"))


class ConnectionForm(forms.Form):
    """The connection to a bucket, validated without a request to the bucket."""

    bucket = forms.CharField(max_length=63, error_messages={"required": "Enter the bucket's name."})
    endpoint = forms.CharField(
        max_length=300, required=False, help_text="Such as https://s3.example.org. Leave empty for AWS."
    )
    region = forms.RegexField(
        r"^[a-z0-9-]+$",
        max_length=60,
        initial="us-east-1",
        error_messages={
            "required": "Enter a region. Most servers accept us-east-1.",
            "invalid": "Use lowercase letters, digits and hyphens.",
        },
    )
    prefix = forms.CharField(  # type: ignore[assignment] # Django removes fields from the class, so Form.prefix stays as it is
        max_length=100, required=False, help_text="A folder in the bucket. Leave empty to use the whole bucket."
    )
    access_key = forms.CharField(
        max_length=200,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
        error_messages={"required": "Enter the access key."},
    )
    secret_key = forms.CharField(
        max_length=300, required=False, widget=forms.PasswordInput(attrs={"autocomplete": "new-password"})
    )
    addressing = forms.ChoiceField(choices=ADDRESSING, initial="auto", label="URL style")
    browser_endpoint = forms.CharField(
        max_length=300,
        required=False,
        label="Public endpoint",
        help_text="If browsers reach the bucket at another address.",
    )
    is_same_content = forms.BooleanField(required=False, label="I have copied the existing files to the new bucket.")

    def __init__(self, *args: Any, before: Connection | None, has_content: bool = False, **kwargs: Any) -> None:
        """`before` is the saved connection. `has_content` is true if photos are stored in its bucket."""
        super().__init__(*args, **kwargs)
        self._before, self._has_content = before, has_content
        if not has_content:
            del self.fields["is_same_content"]
        secret = self.fields["secret_key"]
        help_text = "Saved and hidden. Leave empty to keep it."
        secret.help_text = help_text if before else "Stored encrypted, and not shown again."

    @classmethod
    def of(cls, connection: Connection | None, *, has_content: bool) -> "ConnectionForm":
        """Returns a form with the saved values, without the secret key."""
        names = ("bucket", "endpoint", "region", "prefix", "access_key", "addressing", "browser_endpoint")
        initial = {name: getattr(connection, name) for name in names} if connection else {}
        return cls(initial=initial, before=connection, has_content=has_content)

    def connection(self) -> Connection:
        """Returns the connection as entered. An empty secret key is replaced by the saved one."""
        values = {name: value for name, value in self.cleaned_data.items() if name != "is_same_content"}
        values["secret_key"] = values["secret_key"] or (self._before.secret_key if self._before else "")
        return Connection(**values | {"prefix": s3_config.normalised_prefix(values["prefix"])})

    def clean_bucket(self) -> str:
        name: str = self.cleaned_data["bucket"]
        if not NAME.fullmatch(name):
            raise forms.ValidationError("Use 3 to 63 lowercase letters, digits, dots and hyphens.")
        return name

    def clean_prefix(self) -> str:
        prefix: str = self.cleaned_data["prefix"]
        if not re.fullmatch(r"[\w./-]*", prefix, re.ASCII) or ".." in prefix:
            raise forms.ValidationError("Use letters, digits, dots, hyphens and slashes.")
        return prefix

    def clean_endpoint(self) -> str:
        return _clean_endpoint(self.cleaned_data["endpoint"])

    def clean_browser_endpoint(self) -> str:
        return _clean_endpoint(self.cleaned_data["browser_endpoint"])

    def clean_secret_key(self) -> str:
        """Requires the secret key again for another endpoint or access key, so that the saved one is sent to no other server."""
        secret: str = self.cleaned_data["secret_key"]
        if not secret and (self._before is None or self._before.secret_key == UNREADABLE):
            raise forms.ValidationError("Enter the secret key.")
        if not secret and self._has_other_target():
            raise forms.ValidationError("Enter the secret key again for another endpoint or access key.")
        return secret

    def clean(self) -> dict[str, Any]:
        values = super().clean() or {}
        if self._has_content and not self.errors and not values["is_same_content"] and self._changes_location():
            message = "Photos are still stored in the current bucket. Move them to the local disk first."
            self.add_error("is_same_content", message)
        return values

    def _has_other_target(self) -> bool:
        assert self._before
        target = self.cleaned_data.get("endpoint", ""), self.cleaned_data.get("access_key", "")
        return target != (self._before.endpoint, self._before.access_key)

    def _changes_location(self) -> bool:
        assert self._before
        after, before = self.connection(), self._before
        return (after.endpoint, after.bucket, after.prefix) != (before.endpoint, before.bucket, before.prefix)


def _clean_endpoint(text: str) -> str:
    """Returns the URL without a trailing slash. Raises ValidationError unless it is a public origin without a path."""
    address = text.strip().rstrip("/")
    if not address:
        return ""
    try:
        parts = urlsplit(address)
        port = parts.port or PORTS.get(parts.scheme, 0)
    except ValueError:
        raise forms.ValidationError("Enter a valid URL.") from None
    if (
        parts.scheme not in PORTS
        or not parts.hostname
        or parts.path
        or parts.query
        or parts.fragment
        or "@" in parts.netloc
    ):
        raise forms.ValidationError("Use the form https://s3.example.org, without a path.")
    if not settings.S3_ALLOW_INTERNAL:
        _check_public(parts.hostname, port)
    return address


def _check_public(host: str, port: int) -> None:
    from processing.storage.s3 import ssrf  # imports botocore, which only the setup of a bucket needs

    try:
        addresses = ssrf.resolved(host, port)
    except (OSError, UnicodeError):
        raise forms.ValidationError("No server with this name was found.") from None
    if not all(ssrf.is_public(address) for address in addresses):
        raise forms.ValidationError(
            "This address is in the server's internal network. To allow it, set S3_ALLOW_INTERNAL=yes."
        )


class BatchFilter(forms.Form):
    """The filter of the list of batches. Invalid values are ignored."""

    text = forms.CharField(label="Album or file name", required=False, max_length=MAX_SEARCH_LENGTH)
    album = forms.ModelChoiceField(Album.objects.none(), required=False, empty_label="All albums")
    state = forms.ChoiceField(choices=[("", "Any state"), *BatchState.choices], required=False)
    person = forms.ModelChoiceField(User.objects.none(), required=False, label="Uploaded by", empty_label="Anyone")

    def __init__(self, request: HttpRequest, albums: QuerySet[Album]) -> None:
        super().__init__(request.GET, label_suffix="")
        self._field("text").widget.input_type = "search"
        self._field("text").widget.attrs["placeholder"] = self._field("text").label  # phones hide the labels
        self._field("album").queryset = albums
        if request.user.has_perm("albums.change_album"):
            self._field("person").queryset = batch_list.senders(albums)
        else:
            del self.fields["person"]

    @property
    def values(self) -> BatchFilterValues:
        self.is_valid()
        values: dict[str, Any] = {name: value for name, value in self.cleaned_data.items() if value}
        if state := values.get("state"):
            values["state"] = BatchState(state)
        return BatchFilterValues(**values)

    def _field(self, name: str) -> Any:
        return self.fields[name]
