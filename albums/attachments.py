"""The name under which a browser saves a download."""

from urllib.parse import quote

from django.utils.http import content_disposition_header


def attachment(name: str) -> str:
    """The value of Content-Disposition (RFC 6266) for a file of this name; every character of it arrives as it is.

    Chromium decodes `%20` in a plain `filename=` (RFC 6266, appendix D): such a name needs the form that is always decoded.
    """
    if "%" in name:
        return f"attachment; filename*=utf-8''{quote(name, safe='')}"
    return content_disposition_header(True, name) or "attachment"
