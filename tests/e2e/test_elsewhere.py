"""The real command against the real gateway of another machine, over TLS."""

from pathlib import Path

from tests.certificate import make_pair
from tests.e2e.conftest import Box, free_port


def test_over_tls_with_an_authority_of_our_own(box: Box, tmp_path: Path) -> None:
    pair = make_pair(tmp_path)
    token = box.token("admin", "ada")
    tls = ("--tls-cert", str(pair.certificate), "--tls-key", str(pair.key))
    port = free_port()
    url = f"https://127.0.0.1:{port}"
    with box.serving("--port", str(port), *tls, url=url):
        environment = box.environment | {
            "MCPGW_URL": f"{url}/ws/demo",
            "MCPGW_TOKEN": token,
            "MCPGW_HOME": str(tmp_path / "nothing"),
        }
        stranger = Box(box.home, environment)
        refused = stranger.run("status", exit_code=6)
        assert "is not trusted" in refused.stderr
        friend = Box(box.home, environment | {"SSL_CERT_FILE": str(pair.certificate)})
        status = friend.read("status")
        assert (status["gateway"], status["token"]["member"]) == (url, "ada")
        issued = friend.read("token", "issue", "--member", "bob", "--no-test")
        assert issued["id"] in {one["id"] for one in box.read("token", "list")}
        for done in (refused, friend.run("token", "list", "--json")):
            assert token not in done.stdout + done.stderr
    assert not (tmp_path / "nothing").exists()
