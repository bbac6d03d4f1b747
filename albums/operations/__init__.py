"""Actions of users that are applied in steps, continue in the queue, and can be undone for a day.

A feature subclasses `Action`, registers it, and calls `start`; `responses.respond` shows the toast with Undo.
"""

from albums.operations.actions import Action, Losses, Result, StepChanged, register
from albums.operations.engine import STEP_PHOTOS, start

__all__ = ["STEP_PHOTOS", "Action", "Losses", "Result", "StepChanged", "register", "start"]
