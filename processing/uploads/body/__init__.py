"""Reads the body of an upload request, and limits how many bodies arrive at once and how slowly."""
