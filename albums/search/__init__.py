"""Search for photos: the query language, the full-text index in the database, and the pages with results."""
