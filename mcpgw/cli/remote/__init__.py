"""The gateway as the command line sees it over the network: the same use cases, by its API.

Each noun has the methods of its namesake in `gateway/`, takes the same and returns the same
records, as far as the API tells them; `mcpgw/cli/place.py` chooses between the two. Who asks is
what the token says, so `principal` means nothing here. Imported late: it brings an HTTP client.
"""
