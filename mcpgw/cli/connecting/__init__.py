"""What `mcpgw connect`, `disconnect` and `import` do with the files of clients.

Imported late by the commands: help must not wait for it.
"""
