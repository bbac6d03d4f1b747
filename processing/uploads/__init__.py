"""The only way in: every door streams its bytes through here and ends in uploads.finish()."""
