"""Which hosts and origins are ours: decided exactly, spelling by spelling."""

import pytest
from aiohttp.test_utils import make_mocked_request
from multidict import CIMultiDict

from mcpgw.errors import Forbidden
from mcpgw.web import origin
from mcpgw.web.origin import Origin, Origins, own_origin, public_origin
from mcpgw.web.refusal import Refused

LOCAL = Origins(own_origin("http", "127.0.0.1", 8080), "")
PUBLIC = Origins(own_origin("http", "127.0.0.1", 8080), "https://gw.example.com")
OFFICE = Origins(own_origin("https", "10.1.2.3", 8443), "https://gw.example.com:8443/mcp")


def status(origins: Origins, *headers: tuple[str, str]) -> int:
    try:
        origins.check(make_mocked_request("GET", "/", headers=CIMultiDict(headers)))
    except Refused as error:
        return error.http_status
    except Forbidden:
        return 403
    return 200


@pytest.mark.parametrize(
    ("host", "local", "public", "office"),
    [
        ("127.0.0.1:8080", 200, 200, 403),
        ("localhost:8080", 200, 200, 403),
        ("[::1]:8080", 200, 200, 403),
        ("LocalHost:8080", 200, 200, 403),
        ("localhost", 200, 200, 200),
        ("localhost:443", 403, 200, 403),
        ("localhost:8443", 403, 403, 200),
        ("gw.example.com", 403, 200, 200),
        ("GW.Example.COM:443", 403, 200, 403),
        ("gw.example.com:8443", 403, 403, 200),
        ("gw.example.com:8080", 403, 200, 403),
        ("gw.example.com:80", 403, 403, 403),
        ("10.1.2.3:8443", 403, 403, 200),
        # Names that only look like ours.
        ("localhost.evil.com", 403, 403, 403),
        ("localhost.evil.com:8080", 403, 403, 403),
        ("127.0.0.1.nip.io:8080", 403, 403, 403),
        ("gw.example.com.evil.com", 403, 403, 403),
        ("evil-gw.example.com", 403, 403, 403),
        ("localhost.", 403, 403, 403),
        ("gw.example.com.", 403, 403, 403),
        ("0.0.0.0:8080", 403, 403, 403),
        ("127.1:8080", 403, 403, 403),
        ("127.0.0.2:8080", 403, 403, 403),
        ("0x7f000001:8080", 403, 403, 403),
        ("2130706433:8080", 403, 403, 403),
        ("[::]:8080", 403, 403, 403),
        ("[0:0:0:0:0:0:0:1]:8080", 403, 403, 403),
        ("[::ffff:127.0.0.1]:8080", 403, 403, 403),
        ("null", 403, 403, 403),
        # What is no host.
        ("", 400, 400, 400),
        ("::1", 400, 400, 400),
        ("::1:8080", 400, 400, 400),
        ("[::1", 400, 400, 400),
        ("[fe80::1%25eth0]:8080", 400, 400, 400),
        ("localhost:", 400, 400, 400),
        ("localhost:0", 400, 400, 400),
        ("localhost:08080", 400, 400, 400),
        ("localhost:8080:8080", 400, 400, 400),
        ("localhost:80a", 400, 400, 400),
        ("user@localhost:8080", 400, 400, 400),
        ("localhost/x", 400, 400, 400),
        ("localhost?x", 400, 400, 400),
        ("http://localhost:8080", 400, 400, 400),
        ("localhost:8080, evil.com", 400, 400, 400),
        (" localhost:8080", 400, 400, 400),
        ("localhost..", 400, 400, 400),
        (".localhost", 400, 400, 400),
        ("löcalhost:8080", 400, 400, 400),
    ],
)
def test_hosts(host: str, local: int, public: int, office: int) -> None:
    header = ("Host", host)
    found = (status(LOCAL, header), status(PUBLIC, header), status(OFFICE, header))
    assert found == (local, public, office)


def test_a_request_for_nobody() -> None:
    assert status(LOCAL) == 400


@pytest.mark.parametrize(
    ("text", "local", "public", "office"),
    [
        ("http://127.0.0.1:8080", 200, 200, 403),
        ("http://localhost:8080", 200, 200, 403),
        ("http://[::1]:8080", 200, 200, 403),
        ("HTTP://LOCALHOST:8080", 200, 200, 403),
        ("https://gw.example.com", 403, 200, 403),
        ("https://gw.example.com:443", 403, 200, 403),
        ("https://gw.example.com:8443", 403, 403, 200),
        ("https://10.1.2.3:8443", 403, 403, 200),
        # The scheme counts, and the port.
        ("http://gw.example.com", 403, 403, 403),
        ("http://gw.example.com:443", 403, 403, 403),
        ("https://gw.example.com:8080", 403, 403, 403),
        ("https://localhost:8080", 403, 403, 403),
        ("http://localhost", 403, 403, 403),
        ("http://localhost:3000", 403, 403, 403),
        ("http://127.0.0.1:8081", 403, 403, 403),
        ("http://127.0.0.2:8080", 403, 403, 403),
        ("null", 403, 403, 403),
        ("", 403, 403, 403),
        ("https://evil.example", 403, 403, 403),
        ("http://localhost.evil.example:8080", 403, 403, 403),
        ("http://localhost.:8080", 403, 403, 403),
        ("http://localhost:8080/", 403, 403, 403),
        ("http://localhost:8080 http://localhost:8080", 403, 403, 403),
        ("http://user@localhost:8080", 403, 403, 403),
        ("localhost:8080", 403, 403, 403),
        ("file://", 403, 403, 403),
        ("vscode-webview://x", 403, 403, 403),
        ("http://[", 403, 403, 403),
        ("http://[::1%25lo]:8080", 403, 403, 403),
    ],
)
def test_origins(text: str, local: int, public: int, office: int) -> None:
    found = tuple(
        status(origins, ("Host", "localhost"), ("Origin", text))
        for origins in (LOCAL, PUBLIC, OFFICE)
    )
    assert found == (local, public, office)


def test_pages_that_are_named_are_let_by_and_known() -> None:
    pages = ("https://webui.example", "http://localhost:3000")
    origins = Origins(own_origin("http", "127.0.0.1", 8080), "", pages)
    for text, page in (
        ("https://webui.example", "https://webui.example"),
        ("https://WebUI.example:443", "https://WebUI.example:443"),
        ("http://localhost:3000", "http://localhost:3000"),
        ("http://127.0.0.1:8080", ""),
    ):
        headers = CIMultiDict([("Host", "localhost"), ("Origin", text)])
        assert origins.check(make_mocked_request("GET", "/", headers=headers)) == page
    for text in ("http://webui.example", "https://webui.example:8443", "http://localhost"):
        assert status(origins, ("Host", "localhost"), ("Origin", text)) == 403
    assert status(origins, ("Host", "evil.example"), ("Origin", pages[0])) == 403


@pytest.mark.parametrize(
    ("site", "expected"),
    [
        ("same-origin", 200),
        ("none", 200),
        ("same-site", 403),
        ("cross-site", 403),
        ("Same-Origin", 403),
        ("", 403),
        ("new-value", 403),
    ],
)
def test_what_another_site_causes(site: str, expected: int) -> None:
    assert status(LOCAL, ("Host", "localhost"), ("Sec-Fetch-Site", site)) == expected


LINK = {
    "Host": "localhost",
    "Sec-Fetch-Site": "cross-site",
    "Sec-Fetch-Mode": "navigate",
    "Sec-Fetch-Dest": "document",
}


@pytest.mark.parametrize(
    ("method", "changed", "expected"),
    [
        ("GET", {}, 200),
        ("GET", {"Sec-Fetch-Site": "same-site"}, 200),
        ("POST", {}, 403),
        ("GET", {"Sec-Fetch-Mode": "cors"}, 403),
        ("GET", {"Sec-Fetch-Mode": "no-cors"}, 403),
        ("GET", {"Sec-Fetch-Dest": "iframe"}, 403),
        ("GET", {"Sec-Fetch-Dest": "empty"}, 403),
        ("GET", {"Origin": "https://evil.example"}, 403),
        ("GET", {"Host": "evil.example"}, 403),
        ("GET", {"Authorization": "Bearer x"}, 403),
        ("GET", {"X-API-Key": "x"}, 403),
    ],
)
def test_a_link_on_a_foreign_page(method: str, changed: dict[str, str], expected: int) -> None:
    """It may be followed by a person, and by nothing else."""
    request = make_mocked_request(method, "/ws/demo", headers=LINK | changed)
    try:
        assert LOCAL.check(request) == ""
        assert expected == 200
    except Forbidden:
        assert expected == 403


def test_spellings_are_remembered_up_to_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(origin, "MAX_REMEMBERED", 2)
    origins = Origins(own_origin("http", "127.0.0.1", 8080), "")
    for host in ("localhost", "LOCALHOST", "LocalHost", "localhost:8080", "localhost"):
        assert status(origins, ("Host", host)) == 200
    assert status(origins, ("Host", "evil.example")) == 403
    assert len(origins._seen) == 2


@pytest.mark.parametrize(
    ("host", "name"),
    [
        ("127.0.0.1", "127.0.0.1"),
        ("::1", "[::1]"),
        ("2001:DB8::1", "[2001:db8::1]"),
        ("0.0.0.0", "127.0.0.1"),  # noqa: S104  (all addresses)
        ("::", "[::1]"),
        ("", "127.0.0.1"),
        ("Box.Example.COM", "box.example.com"),
    ],
)
def test_the_name_of_a_listening_address(host: str, name: str) -> None:
    assert own_origin("http", host, 8080) == Origin("http", name, 8080)


def test_as_a_url() -> None:
    assert own_origin("http", "::1", 8080).url == "http://[::1]:8080"
    assert own_origin("https", "box", 443).url == "https://box"
    assert own_origin("http", "box", 443).url == "http://box:443"


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://gw.example.com", Origin("https", "gw.example.com", 443)),
        ("HTTPS://GW.Example.com/", Origin("https", "gw.example.com", 443)),
        ("http://gw.example.com:8080/mcp", Origin("http", "gw.example.com", 8080)),
        ("http://[2001:DB8::1]:80", Origin("http", "[2001:db8::1]", 80)),
    ],
)
def test_the_origin_of_the_public_url(url: str, expected: Origin) -> None:
    assert public_origin(url) == expected
