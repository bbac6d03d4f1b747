"""Backups: the database as it was at one moment, and every file that it names.

A backup is a directory, grown by each run:

    files/ab/<sha256>        every file once, whatever it is called and however many snapshots name it
    snapshots/<time>/        database.sqlite3 or database.dump, manifest.jsonl.gz, perhaps secret_key, about.json

A snapshot appears under its time when all that it names is there, and durable; until then it is a draft.
"""


class Refused(Exception):
    """Why it was not done, in words for who runs the command. Nothing is half done that would have to be cleaned up."""
