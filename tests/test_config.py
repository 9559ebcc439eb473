"""Settings: flag before variable before file before default, and nothing that does not fit."""

from dataclasses import fields
from pathlib import Path
from typing import Any

import platformdirs
import pytest

from mcpgw.config import (
    CHILD_VARIABLES,
    CONFIG_FILE,
    SETTINGS,
    Config,
    base_environment,
    load_config,
    variable,
)
from mcpgw.errors import InvalidInput


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data directory of the test's own, and none of the developer's settings."""
    for setting in SETTINGS:
        monkeypatch.delenv(setting.variable, raising=False)
    monkeypatch.setenv("MCPGW_HOME", str(tmp_path))
    return tmp_path


def test_the_table_and_the_record_name_the_same_settings() -> None:
    assert [setting.name for setting in SETTINGS] == [field.name for field in fields(Config)]


def test_names_and_variables_are_distinct_and_defaults_fit_their_own_rule() -> None:
    assert len({setting.name for setting in SETTINGS}) == len(SETTINGS)
    assert len({setting.variable for setting in SETTINGS}) == len(SETTINGS)
    for setting in SETTINGS:
        assert setting.read(setting.default) == setting.default, setting.name


def test_without_anything_the_defaults_hold(home: Path) -> None:
    config = load_config()
    assert config.home == home
    assert (config.host, config.port, config.log_level) == ("127.0.0.1", 8080, "info")
    assert (config.call_timeout_s, config.max_body_bytes) == (60.0, 4 << 20)


def test_flag_before_variable_before_file(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (home / CONFIG_FILE).write_text('port = 1001\nhost = "::1"\ncall_timeout_s = 5\n')
    assert (load_config().port, load_config().host) == (1001, "::1")
    assert load_config().call_timeout_s == 5.0
    monkeypatch.setenv("MCPGW_PORT", "1002")
    assert load_config().port == 1002
    assert load_config({"port": 1003, "host": None}).port == 1003
    assert load_config({"port": 0}).port == 0


def test_an_empty_variable_counts_as_absent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MCPGW_PORT", "")
    assert load_config().port == 8080


def test_home_comes_from_flag_then_variable_then_platform(
    home: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = tmp_path_factory.mktemp("other")
    assert load_config({"home": other}).home == other
    assert load_config({"home": str(other)}).home == other
    monkeypatch.setenv("HOME", str(other))
    assert load_config({"home": "~/data"}).home == other / "data"
    monkeypatch.chdir(home)
    assert load_config({"home": "here"}).home == home / "here"
    monkeypatch.delenv("MCPGW_HOME")
    assert load_config().home == platformdirs.user_data_path("mcpgw")


def test_the_paths_in_the_data_directory_and_the_keys_outside_of_it(home: Path) -> None:
    config = load_config()
    assert config.configuration_path.parent == config.journal_path.parent == home
    assert config.configuration_path != config.journal_path
    assert home not in (config.key_directory, *config.key_directory.parents)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("MCPGW_PORT", "http"),
        ("MCPGW_PORT", "65536"),
        ("MCPGW_PORT", "-1"),
        ("MCPGW_PORT", "80.5"),
        ("MCPGW_LOG_LEVEL", "loud"),
        ("MCPGW_CALL_TIMEOUT", "soon"),
        ("MCPGW_CALL_TIMEOUT", "0"),
        ("MCPGW_CALL_TIMEOUT", "-3"),
        ("MCPGW_CALL_TIMEOUT", "nan"),
        ("MCPGW_CALL_TIMEOUT", "inf"),
        ("MCPGW_MAX_BODY", "0"),
        ("MCPGW_MAX_CONNECTIONS", "-5"),
        ("MCPGW_MAX_CLIENTS", "0"),
        ("MCPGW_TRUSTED_PROXIES", "proxy.example.com"),
        ("MCPGW_TRUSTED_PROXIES", "10.0.0.1/8"),
        ("MCPGW_TRUSTED_PROXIES", "10.0.0.0/8,,"),
        ("MCPGW_PUBLIC_URL", "gw.example.com"),
        ("MCPGW_PUBLIC_URL", "ftp://gw.example.com"),
        ("MCPGW_PUBLIC_URL", "https://"),
        ("MCPGW_PUBLIC_URL", "https://user:pass@gw.example.com"),
        ("MCPGW_PUBLIC_URL", "https://gw.example.com?x=1"),
        ("MCPGW_PUBLIC_URL", "https://gw.example.com/#x"),
        ("MCPGW_PUBLIC_URL", "https://gw.example.com/a b"),
        ("MCPGW_PUBLIC_URL", "https://gw.example.com//x"),
        ("MCPGW_PUBLIC_URL", "https://gw.example.com."),
        ("MCPGW_PUBLIC_URL", "https://gw.example.com:0"),
        ("MCPGW_PUBLIC_URL", "https://gw.example.com:99999"),
        ("MCPGW_PUBLIC_URL", "https://gateway.exämple.com"),
        ("MCPGW_PUBLIC_URL", "https://[::1"),
    ],
)
def test_a_variable_that_does_not_fit_is_refused_by_name_without_its_value(
    name: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(InvalidInput) as caught:
        load_config()
    assert f"the variable {name} gives" in caught.value.message
    assert value not in caught.value.message
    assert caught.value.hint


@pytest.mark.parametrize(
    "line",
    [
        'port = "http"',
        "port = true",
        "port = 8080.5",
        "port = inf",
        "port = [1]",
        "host = 5",
        'host = ["a"]',
        "log_level = []",
        "call_timeout_s = true",
        "call_timeout_s = {}",
        f"call_timeout_s = 1{'0' * 400}",
        "max_body_bytes = 0",
        "max_body_bytes = 1.0",
    ],
)
def test_a_file_with_a_value_that_does_not_fit_is_refused(home: Path, line: str) -> None:
    (home / CONFIG_FILE).write_text(line)
    with pytest.raises(InvalidInput, match=r"^mcpgw.toml gives"):
        load_config()


@pytest.mark.parametrize("flags", [{"port": 70000}, {"log_level": "loud"}])
def test_a_flag_that_does_not_fit_is_refused(flags: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput, match=r"^the command line gives"):
        load_config(flags)


@pytest.mark.parametrize("name", ["prot", "master_key", "home"])
def test_the_file_may_hold_neither_unknown_names_nor_the_key_nor_its_own_place(
    home: Path, name: str
) -> None:
    (home / CONFIG_FILE).write_text(f'{name} = "geheim"')
    with pytest.raises(InvalidInput) as caught:
        load_config()
    assert caught.value.message.endswith(f"has unknown settings: {name}")
    assert "call_timeout_s" in caught.value.hint
    assert "geheim" not in caught.value.message + caught.value.hint


@pytest.mark.parametrize("content", [b"port = ", b"\xff\xfe", b"port = " + b"9" * 5000])
def test_a_file_that_is_no_toml_is_refused(home: Path, content: bytes) -> None:
    (home / CONFIG_FILE).write_bytes(content)
    with pytest.raises(InvalidInput, match="cannot be read"):
        load_config()


def test_a_home_that_cannot_hold_a_file_is_refused(home: Path) -> None:
    (home / "file").write_text("")
    with pytest.raises(InvalidInput, match="cannot be read: NotADirectoryError"):
        load_config({"home": home / "file"})


def test_a_home_of_an_unknown_user_is_refused() -> None:
    with pytest.raises(InvalidInput, match="there is no user ~nobody-of-that-name"):
        load_config({"home": "~nobody-of-that-name/x"})


def test_the_record_shows_no_setting_but_its_place(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MCPGW_MASTER_KEY", "canary-key")
    config = load_config()
    assert config.master_key == "canary-key"
    assert repr(config) == f"Config(home={str(home)!r})"


def test_a_child_sees_the_listed_variables_only_and_no_function_of_bash(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PATH", "/bin")
    monkeypatch.setenv("MCPGW_MASTER_KEY", "canary-key")
    monkeypatch.setenv("LANG", "() { :; }; echo")
    monkeypatch.delenv("TZ", raising=False)
    environment = base_environment()
    assert environment["PATH"] == "/bin"
    assert set(environment) <= set(CHILD_VARIABLES) - {"LANG", "TZ"}


def test_a_variable_that_the_user_names_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JIRA_TOKEN", "value")
    assert variable("JIRA_TOKEN") == "value"
    monkeypatch.delenv("JIRA_TOKEN")
    assert variable("JIRA_TOKEN") is None


@pytest.mark.parametrize(
    "url",
    [
        "",
        "https://gw.example.com",
        "HTTPS://GW.example.com/",
        "http://localhost:9090",
        "https://gw.example.com:8443/mcp/team/",
        "https://xn--exmple-cua.com",
        "http://[2001:db8::1]:8080",
        "http://10.1.2.3",
    ],
)
def test_urls_that_clients_can_use(url: str) -> None:
    assert load_config({"public_url": url}).public_url == url


def test_networks_are_written_in_one_text_or_one_by_one(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (home / CONFIG_FILE).write_text('trusted_proxies = ["10.0.0.0/8", "2001:DB8::1"]\n')
    assert load_config().trusted_proxies == ("10.0.0.0/8", "2001:db8::1/128")
    monkeypatch.setenv("MCPGW_TRUSTED_PROXIES", "127.0.0.1, 192.0.2.0/24")
    assert load_config().trusted_proxies == ("127.0.0.1/32", "192.0.2.0/24")
    assert load_config({"trusted_proxies": ["::1"]}).trusted_proxies == ("::1/128",)


def test_origins_of_pages_are_written_in_one_text_or_one_by_one(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (home / CONFIG_FILE).write_text(
        'cors_origins = ["https://webui.example", "http://[::1]:3000"]\n'
    )
    assert load_config().cors_origins == ("https://webui.example", "http://[::1]:3000")
    monkeypatch.setenv("MCPGW_CORS_ORIGINS", "https://a.example, http://localhost:8080")
    assert load_config().cors_origins == ("https://a.example", "http://localhost:8080")


@pytest.mark.parametrize(
    "origins",
    [
        "*",
        "webui.example",
        "https://a.example/",
        "https://a.example/x",
        "https://a.example,",
        "null",
    ],
)
def test_what_is_no_origin_of_a_page(origins: str) -> None:
    with pytest.raises(InvalidInput, match="cors_origins"):
        load_config({"cors_origins": origins})
