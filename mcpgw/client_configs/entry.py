"""What is written into a client's file so that it reaches the gateway."""

from dataclasses import replace
from typing import Any

from mcpgw.client_configs import shape
from mcpgw.client_configs.app import App, TokenPlace
from mcpgw.client_configs.edit import Change
from mcpgw.client_configs.shape import Target


def is_bridged(app: App, target: Target) -> bool:
    """Say whether the client starts the bridge: it knows no URLs, or cannot refer to a token."""
    return app.remote is None or not (target.is_inline or app.reference)


def token_place(app: App, target: Target) -> TokenPlace:
    """Return where the client will find the token."""
    if target.is_inline:
        return TokenPlace.FILE
    is_keyring = app.form is not None and is_bridged(app, target)
    return TokenPlace.KEYRING if is_keyring else app.place


def entry_of(app: App, target: Target) -> dict[str, Any]:
    """Return the client's entry for the gateway."""
    if app.remote is None or is_bridged(app, target):
        return shape.bridge(target)
    return app.remote(target if target.is_inline else replace(target, token=app.reference))


def changes_for(app: App, target: Target, document: Any) -> tuple[Change, ...]:
    """Return what to add to the client's document, which is None for a new file."""
    extra = () if target.is_inline else tuple(make(target) for make in app.extra)
    entry, table = entry_of(app, target), app.table_in(document)
    if app.mark:
        return (*extra, Change(table, entry, mark=app.mark))
    return (*extra, Change((*table, target.entry), entry))
