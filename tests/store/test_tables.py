"""The tables keep what the model says, and no more."""

from typing import get_type_hints

import pytest
from sqlalchemy import Table

from mcpgw.model.act import Act
from mcpgw.model.alert import Alert
from mcpgw.model.chain import ACT
from mcpgw.model.key import DataKey, KeySlot
from mcpgw.model.ruling import Ruling
from mcpgw.model.secret import SealedSecret
from mcpgw.model.server import Server
from mcpgw.model.token import Token
from mcpgw.model.workspace import Workspace
from mcpgw.store import tables


@pytest.mark.parametrize(
    ("table", "record", "more"),
    [
        (tables.workspace, Workspace, set()),
        (tables.server, Server, {"position"}),
        (tables.secret, SealedSecret, set()),
        (tables.token, Token, set()),
        (tables.ruling, Ruling, set()),
        (tables.keyslot, KeySlot, set()),
        (tables.datakey, DataKey, set()),
        (tables.alert, Alert, set()),
        (tables.act, Act, {"seq", "account", "mac"}),
    ],
)
def test_a_table_has_the_fields_of_its_record(table: Table, record: type, more: set[str]) -> None:
    assert {column.name for column in table.columns} == set(get_type_hints(record)) | more


def test_whatever_belongs_to_a_workspace_goes_with_it() -> None:
    keys = [key for table in tables.configuration.tables.values() for key in table.foreign_keys]
    assert {key.ondelete for key in keys} == {"CASCADE"}
    assert {key.parent.table.name for key in keys} == {
        *("server", "secret", "token", "datakey", "ruling", "alert")
    }


def test_a_mac_covers_every_column_of_an_act() -> None:
    names = {column.name for column in tables.act.columns}
    assert {*ACT.numbers, *ACT.texts, "mac"} == names
