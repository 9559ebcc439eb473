"""`mcpgw connect` and `disconnect` over the golden files of every client."""

import json
import re
from pathlib import Path

import pytest

from mcpgw.client_configs.app import APPS, App
from mcpgw.client_configs.scope import Scope
from tests.cli.conftest import Desk

GOLDEN = Path(__file__).parents[1] / "golden" / "client_configs"
URL = "https://gateway.example.com/ws/team"
BRIDGE = "/opt/bin/mcpgw"
"""Stands for the bridge's command in the golden files."""

WRITTEN = [app for app in APPS if app.form is not None]
by_key = pytest.mark.parametrize("app", WRITTEN, ids=lambda app: app.key)


def golden(app: App, which: str) -> Path:
    ending = {"JSON": "json", "TOML": "toml", "YAML": "yaml"}[app.form.name if app.form else ""]
    return GOLDEN / f"{app.key}.{which}.{ending}"


def scope_of(app: App) -> Scope:
    return Scope.USER if app.user["linux"] else Scope.PROJECT


def placed(desk: Desk, app: App) -> Path:
    return desk.file(app.key, golden(app, "before").read_bytes(), scope_of(app))


def connect(desk: Desk, app: App, *options: str) -> None:
    desk.cli("connect", app.key, "--url", URL, "--scope", scope_of(app).value, *options)


def disconnect(desk: Desk, app: App) -> None:
    desk.cli("disconnect", app.key, "--scope", scope_of(app).value)


@by_key
def test_there_and_back_is_byte_identical(desk: Desk, app: App) -> None:
    path = placed(desk, app)
    before = path.read_bytes()
    connect(desk, app)
    written = path.read_bytes()
    shown = written.replace(str(desk.bridge).encode(), BRIDGE.encode())
    assert shown == golden(app, "after").read_bytes()
    disconnect(desk, app)
    assert path.read_bytes() == before
    assert [one.read_bytes() for one in desk.backups] == [before, written]


@by_key
def test_what_others_wrote_meanwhile_stays(desk: Desk, app: App) -> None:
    path = placed(desk, app)
    before = path.read_bytes()
    connect(desk, app)
    added = b"\n" if app.form and app.form.name == "JSON" else b"# later\n"
    path.write_bytes(path.read_bytes() + added)
    disconnect(desk, app)
    after = path.read_bytes()
    assert after.split() == (before + b"\n" + added).split() or not before.strip()
    assert after.endswith(added)


@by_key
def test_a_new_file_goes_again(desk: Desk, app: App) -> None:
    path = desk.file(app.key, b"", scope_of(app))
    path.unlink()
    (desk.home / ".claude").mkdir()
    connect(desk, app)
    assert path.stat().st_mode & 0o777 == 0o600
    assert app.form is not None
    assert URL in str(app.form.read(path.read_text()))
    disconnect(desk, app)
    assert not path.exists()


@by_key
def test_again_changes_nothing_and_another_url_replaces(desk: Desk, app: App) -> None:
    path = placed(desk, app)
    before = path.read_bytes()
    connect(desk, app)
    written = path.read_bytes()
    connect(desk, app)
    assert path.read_bytes() == written
    assert len(desk.backups) == 1
    desk.cli("connect", app.key, "--url", f"{URL}-2", "--scope", scope_of(app).value)
    assert path.read_bytes() == written.replace(URL.encode(), f"{URL}-2".encode())
    disconnect(desk, app)
    assert path.read_bytes() == before


@by_key
def test_no_golden_file_names_a_token(app: App) -> None:
    assert not re.search(rb"mgwu_", golden(app, "after").read_bytes())


def test_there_is_nothing_else() -> None:
    keys = {path.name.split(".")[0] for path in GOLDEN.iterdir()}
    assert keys == {app.key for app in WRITTEN}
    assert json.loads(golden(APPS[0], "before").read_bytes())["numStartups"] == 42
