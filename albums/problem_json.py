"""The JSON that every problem has, for clients that are no browsers."""

from django.http import JsonResponse


def problem(status: int, code: str, message: str, **details: object) -> JsonResponse:
    """Returns a stable code and a message, with `details` after them."""
    return JsonResponse({"error": code, "message": message, **details}, status=status)
