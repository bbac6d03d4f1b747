"""Statistics of uploads and jobs: counted in the transaction that ends an upload or an attempt, and kept for a month.

`record` counts, `rollups` merges and prunes, `series` reads. Charts and metrics read these rows, and never scan jobs.
"""
