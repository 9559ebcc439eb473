from mcpgw.web.errors import error_response, raw_error
from mcpgw.web.refusal import Refused


def test_it_says_its_own_status() -> None:
    refused = Refused(415, "no", "do otherwise")
    assert error_response(refused).status == 415
    assert raw_error(refused).startswith(b"HTTP/1.1 415 Unsupported Media Type\r\n")
    assert refused.code == "invalid"
