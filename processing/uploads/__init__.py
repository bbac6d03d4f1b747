"""Receives uploads: every kind of upload ends in lifecycle.finish()."""
