import base64
import json
from urllib.parse import parse_qs, unquote, urlsplit

from mcpgw.client_configs.app import APPS
from mcpgw.client_configs.entry import entry_of
from mcpgw.client_configs.link import link_of
from mcpgw.client_configs.shape import Target

URL = "https://x.example/ws/t"
TARGET = Target(URL, "gw")
TOKEN = "mgwu_" + "a" * 49
ROWS = {row.key: row for row in APPS}


def test_no_link_ever_holds_a_token() -> None:
    inline = Target(URL, "gw", token=TOKEN, is_inline=True)
    assert {link_of(row, inline) for row in APPS} == {""}
    with_links = {row.key for row in APPS if link_of(row, TARGET)}
    assert with_links == {"cursor", "vs-code", "lm-studio", "kiro"}


def test_base64_of_the_entry() -> None:
    for key, scheme in (("cursor", "cursor"), ("lm-studio", "lmstudio")):
        link = urlsplit(link_of(ROWS[key], TARGET))
        query = parse_qs(link.query)
        assert (link.scheme, query["name"]) == (scheme, ["gw"])
        assert json.loads(base64.b64decode(query["config"][0])) == entry_of(ROWS[key], TARGET)


def test_json_in_the_query() -> None:
    kiro = parse_qs(urlsplit(link_of(ROWS["kiro"], TARGET)).query)
    assert json.loads(kiro["config"][0]) == entry_of(ROWS["kiro"], TARGET)
    code = json.loads(unquote(link_of(ROWS["vs-code"], TARGET).partition("?")[2]))
    assert (code["name"], code["url"]) == ("gw", URL)
    assert code["inputs"][0]["id"] in code["headers"]["Authorization"]
