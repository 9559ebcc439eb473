"""Which values in a client's configuration are credentials.

By position: a header or a variable of the environment is taken for a credential unless it is surely
none, since sealing too much costs nothing. An argument or a part of a URL is taken for one when it
looks like one; it cannot be sealed where it stands.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import parse_qsl, urlsplit

SENSITIVE = re.compile(
    r"TOKEN(?!S)|SECRET|PASS|PWD|PW\b|CREDENTIAL|AUTH|COOKIE|SESSION|BEARER|PRIVATE|DSN|WEBHOOK"
    r"|SIGNATURE|(^|[_-])(PAT|SIG)($|[_-])|KEY($|[_-])|APIKEY|CONNECTION",
    re.IGNORECASE,
)
"""Names whose values are credentials."""

ABOUT = re.compile(
    r"[_-](FILE|PATH|DIR|DIRECTORY|URL|URI|HOST|PORT|ENDPOINT|TTL|TIMEOUT|LIMIT|TYPE|NAME|MODE)$",
    re.IGNORECASE,
)
"""Ends of names that only say something about a credential: where it is, how long it lives."""

KNOWN = (
    *("ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_", "glpat-", "xoxb-", "xoxp-", "xapp-"),
    *("sk-", "sk_live_", "sk_test_", "rk_live_", "pk_live_", "lin_api_", "ntn_", "secret_", "AKIA"),
    *("ASIA", "AIza", "ya29.", "eyJ", "npm_", "pypi-", "hf_", "dop_v1_", "figd_", "shpat_", "pat-"),
    *("mgwu_", "ATATT", "SG.", "tvly-", "BSA", "-----BEGIN"),
)
"""What the tokens of known vendors begin with."""

HARMLESS_NAMES = re.compile(
    r"(^|[_-])(LEVEL|LOGLEVEL|MODE|ENV|ENVIRONMENT|REGION|ZONE|TRANSPORT|LANG|LANGUAGE|LOCALE|TZ"
    r"|TIMEZONE|FORMAT|TYPE|HOST|HOSTNAME|PORT|VERSION|TIMEOUT|LIMIT|DEBUG|VERBOSE|TOOLSETS|TOOLS"
    r"|READONLY|WORKSPACE|PROFILE|ORG|ORGANIZATION|PROJECT|TEAM|OWNER|REPO|BRANCH|EMAIL|USER"
    r"|USERNAME|NAME|MODEL|PROVIDER|ENDPOINT|FILE|PATH|DIR|DIRECTORY|COLOR)$",
    re.IGNORECASE,
)
"""Ends of names whose values are settings, as long as they look simple."""

HARMLESS_HEADERS = frozenset({"user-agent", "accept-language", "x-client-name", "x-client-version"})

WORDS = frozenset(
    [
        *("true", "false", "yes", "no", "on", "off", "none", "null", "auto", "default"),
        *("trace", "debug", "info", "warn", "warning", "error"),
        *("production", "development", "staging", "test", "local"),
        *("stdio", "http", "https", "sse", "utf-8"),
    ]
)
SIMPLE = re.compile(r"[\w.@:/\\, +-]{1,80}")
NUMBER = re.compile(r"[0-9]{1,6}([.,][0-9]{1,3})*")
PATH = re.compile(r"(~|\.{1,2}|[A-Za-z]:)?([/\\][\w .@()+-]{0,48})+")
HOST = re.compile(r"([a-z0-9-]{1,40}\.)+[a-z]{2,12}(:[0-9]{1,5})?|localhost(:[0-9]{1,5})?")
OPAQUE = re.compile(r"[A-Za-z0-9+/_=-]{24,}")
FLAG = re.compile(r"(--?[A-Za-z][\w-]*)(?:=(.*))?", re.DOTALL)
PAIR = re.compile(r"([A-Za-z_][\w-]*)\s*[=:]\s*(.+)", re.DOTALL)
SCHEME = re.compile(r"(Bearer|Basic|Token|ApiKey|Api-Key) +", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Judgement:
    """Whether a value is a credential, and by what that was decided."""

    is_secret: bool
    why: str


def judge(name: str, value: str) -> Judgement:
    """Say whether the value of a variable of the environment is a credential."""
    if not value:
        return Judgement(False, "it is empty")
    if is_known(value):
        return Judgement(True, "it looks like a token")
    if is_sensitive(name):
        return Judgement(True, "its name says so")
    if value.lower() in WORDS or NUMBER.fullmatch(value):
        return Judgement(False, "it is a word or a number")
    if "://" in value:
        is_open = url_credential(value)
        return Judgement(bool(is_open), is_open or "it is a URL without credentials")
    if is_opaque(value):
        return Judgement(True, "it looks random")
    if PATH.fullmatch(value) or HOST.fullmatch(value):
        return Judgement(False, "it is a path or a host")
    if HARMLESS_NAMES.search(name) and SIMPLE.fullmatch(value):
        return Judgement(False, "its name says that it is a setting")
    return Judgement(True, "nothing says that it is none")


def judge_header(name: str, value: str) -> Judgement:
    """Say whether the value of a header is a credential."""
    if not value:
        return Judgement(False, "it is empty")
    if name.lower() in HARMLESS_HEADERS and not is_known(value):
        return Judgement(False, "such headers are settings")
    if name.lower().startswith("x-mcp-") and not judge(name[6:], value).is_secret:
        return Judgement(False, "such headers are settings")
    return Judgement(True, "headers are credentials unless they are known to be none")


def is_sensitive(name: str) -> bool:
    """Say whether a name is that of a credential."""
    return bool(SENSITIVE.search(name)) and not ABOUT.search(name)


def is_known(value: str) -> bool:
    """Say whether a value looks like the token of a known vendor."""
    bare = SCHEME.sub("", value, count=1)
    return bare.startswith(KNOWN) and len(bare) > 12


def is_opaque(value: str) -> bool:
    """Say whether a value looks random: long, of letters and digits, with no word in sight."""
    return bool(OPAQUE.fullmatch(value)) and _is_mixed(value)


def url_credential(url: str) -> str:
    """Return which part of a URL is a credential, empty when none is."""
    try:
        parts = urlsplit(url)
        has_password = bool(parts.password)
    except ValueError:
        return "a URL that cannot be read"
    if has_password or (parts.username and (is_known(parts.username) or _long(parts.username))):
        return "a user and password in a URL"
    for name, value in parse_qsl(parts.query):
        if value and (is_sensitive(name) or name.lower() in ("key", "code") or _hidden(value)):
            return f"the parameter {name[:40]} of a URL"
    if any(_hidden(segment) for segment in parts.path.split("/")):
        return "a part of a URL's path"
    return ""


def argument_credential(arguments: Sequence[str]) -> int | None:
    """Return the position of the first argument that is a credential, None when none is."""
    before = ""
    for position, argument in enumerate(arguments):
        flag = FLAG.fullmatch(argument)
        if flag is None:
            if (is_sensitive(before) and argument) or _is_credential(argument):
                return position
            before = ""
        elif flag.group(2) is None:
            before = flag.group(1)
        else:
            is_named = bool(flag.group(2)) and is_sensitive(flag.group(1))
            if is_named or _is_credential(flag.group(2)):
                return position
            before = ""
    return None


def _is_credential(text: str) -> bool:
    if "://" in text:
        return bool(url_credential(text))
    pair = PAIR.fullmatch(text)
    if pair and is_sensitive(pair.group(1)):
        return True
    return _hidden(pair.group(2) if pair else text)


def _hidden(value: str) -> bool:
    return is_known(value) or is_opaque(value)


def _long(value: str) -> bool:
    return len(value) >= 20 and _is_mixed(value)


def _is_mixed(value: str) -> bool:
    digits = sum(character.isdigit() for character in value)
    return digits >= 3 and any(character.isalpha() for character in value)
