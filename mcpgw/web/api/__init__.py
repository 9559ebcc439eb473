"""The admin API: `/api/v1/workspaces/<slug>/...`, the same use cases as the command line.

`table.py` has every route on one page. A handler takes what was asked, parsed and permitted, calls
one use case and returns a struct; what all of them need around that stands in `desk.py`.
"""
