import pytest

from mcpgw.errors import VaultLocked
from mcpgw.vault.key import MasterKey

KEY = MasterKey(bytes(range(32)))
TEXT = "mgwk1_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh_acMal"


def test_text_and_id_stay_what_they_are() -> None:
    assert KEY.text == TEXT
    assert KEY.id == "d5869886e6417a1f"


@pytest.mark.parametrize("text", [TEXT, f"{TEXT}\n", f" \t{TEXT}\r\n"])
def test_text_is_read_back(text: str) -> None:
    assert MasterKey.parse(text) == KEY


def test_new_keys_differ() -> None:
    keys = {MasterKey.new() for _ in range(100)}
    assert len(keys) == 100
    assert len({key.id for key in keys}) == 100
    assert all(MasterKey.parse(key.text) == key for key in keys)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "password",
        "mgwk1_",
        TEXT[:-1],
        TEXT + "A",
        TEXT[6:],
        TEXT.replace("mgwk1_", "mgwk2_"),
        TEXT.replace("mgwk1_", "MGWK1_"),
        f"{TEXT}\n{TEXT}",
        f"{TEXT[:20]} {TEXT[20:]}",
        TEXT[:-1] + "=",
        TEXT[:-1] + "é",
        "\ufffd" * 54,
    ],
)
def test_what_is_no_key_is_refused_without_being_quoted(text: str) -> None:
    with pytest.raises(VaultLocked, match="holds no master key") as caught:
        MasterKey.parse(text)
    assert TEXT[8:20] not in str(caught.value)


def test_every_mistyped_character_is_noticed() -> None:
    for index in range(6, len(TEXT)):
        other = "A" if TEXT[index] != "A" else "B"
        with pytest.raises(VaultLocked, match="damaged") as caught:
            MasterKey.parse(TEXT[:index] + other + TEXT[index + 1 :])
        assert TEXT[8:20] not in str(caught.value)


def test_repr_shows_no_key() -> None:
    assert repr(KEY) == f"MasterKey(id='{KEY.id}')"
    assert TEXT[6:20] not in f"{KEY} {[KEY]}"
