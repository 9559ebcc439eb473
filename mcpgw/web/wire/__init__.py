"""The JSON of the admin API: what travels, and how it becomes the gateway's records and back.

Both ends use it: `web/api` serves it, `cli/remote` reads it. The OpenAPI document is made from it.
Pure. What is sent to the gateway may hold no field that is not here; an answer may get new ones.
"""
