"""One entry of a client, read as the gateway would have it.

Credentials leave the entry: `${secret:NAME}` takes their place, their values stay apart, hidden
from whoever prints them. What cannot be taken over as it is (a credential among the arguments,
something that only the editor knows) is refused with the reason.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from mcpgw.client_configs.credential import (
    SCHEME,
    Judgement,
    argument_credential,
    judge,
    judge_header,
    url_credential,
)
from mcpgw.client_configs.entry_parts import (
    command_of,
    env_of,
    filled,
    flat,
    headers_of,
    remote_of,
    url_of,
    without_container_variables,
    without_user,
)
from mcpgw.client_configs.reference import Referred, replace_references, secret_name
from mcpgw.errors import InvalidInput
from mcpgw.model.secret import Secret
from mcpgw.model.server import OWN_HEADERS, HttpLaunch, Launch, StdioLaunch, check_launch

Variable = Callable[[str], str | None]
"""Looks a variable of the environment up; None is one that is not set."""


@dataclass(frozen=True, slots=True)
class Decision:
    """What was decided about one value: where it stands, whether it is sealed, and why."""

    where: str
    is_secret: bool
    why: str


@dataclass(frozen=True, slots=True)
class Read:
    """An entry as the gateway would have it.

    Attributes:
        launch: how a server is started or reached; None when the entry cannot be taken over.
        secrets: what the launch refers to; None is a value that is not known here.
        decisions: what was decided about its values.
        refusal: why it cannot be taken over, empty when it can.
    """

    launch: Launch | None = None
    secrets: Mapping[str, Secret | None] = field(default_factory=dict)
    decisions: tuple[Decision, ...] = ()
    refusal: str = ""


def read_entry(entry: dict[str, Any], variable: Variable) -> Read:
    """Return what an entry says; `variable` fills in what it refers to."""
    return _Reading(variable).read(flat(entry))


class _Refused(Exception):
    """The entry cannot be taken over; the text says why."""


class _Reading:
    """Reads one entry, and gathers the secrets and decisions on the way."""

    def __init__(self, variable: Variable) -> None:
        self._variable = variable
        self._secrets: dict[str, Secret | None] = {}
        self._decisions: list[Decision] = []

    def read(self, entry: dict[str, Any]) -> Read:
        try:
            launch = check_launch(self._launch(entry))
        except _Refused as refused:
            return Read(refusal=str(refused))
        except InvalidInput as error:
            return Read(refusal=error.message)
        return Read(launch, self._secrets, tuple(self._decisions))

    def _launch(self, entry: dict[str, Any]) -> Launch:
        if entry.get("disabled") is True or entry.get("enabled") is False:
            raise _Refused("it is switched off there")
        if entry.get("envFile"):
            raise _Refused("its variables are in another file (envFile)")
        url = url_of(entry)
        if url is not None:
            return self._http(self._plain(url, "its URL"), headers_of(entry))
        command, env = command_of(entry), env_of(entry)
        remote = remote_of(command)
        if remote is not None:
            url, headers = remote
            sent = {name: filled(value, env) for name, value in headers.items()}
            return self._http(self._plain(url, "its URL"), sent)
        command, moved = without_container_variables(command)
        command = [self._plain(part, "its command") for part in command]
        position = argument_credential(command[1:])
        if position is not None:
            raise _Refused(
                f"its argument {position + 1} is a credential, which every user of the machine"
                " could read; give it as a variable if the server takes one"
            )
        cwd = entry.get("cwd")
        pairs = [
            (name, self._written(f"variable {name}", name, value, partial(judge, name)))
            for name, value in (env | moved).items()
        ]
        return StdioLaunch(tuple(command), tuple(pairs), cwd if isinstance(cwd, str) else None)

    def _http(self, url: str, headers: dict[str, str]) -> HttpLaunch:
        url, basic = without_user(url)
        credential = url_credential(url)
        if credential:
            raise _Refused(f"{credential} is a credential, which would end in logs")
        pairs = [self._header(name, value) for name, value in headers.items()]
        if basic and "authorization" not in {name.lower() for name in headers}:
            pairs.append(("Authorization", f"Basic {self._sealed('BASIC_AUTH', basic)}"))
            self._decide("user in its URL", Judgement(True, "it is sent as a header"))
        return HttpLaunch(url, tuple(pair for pair in pairs if pair is not None))

    def _header(self, name: str, value: str) -> tuple[str, str] | None:
        """Return a header without its credential, None when the gateway writes that one itself."""
        where = f"header {name}"
        if name.lower() in OWN_HEADERS:
            self._decide(where, Judgement(False, "dropped: the gateway writes it itself"))
            return None
        return name, self._written(where, name, value, partial(judge_header, name))

    def _written(
        self, where: str, name: str, value: str, judged: Callable[[str], Judgement]
    ) -> str:
        """Return a value without its credential; a reference to one becomes one of ours."""
        rest = replace_references(value, self._variable, lambda _: "")
        bare = SCHEME.sub("", rest, count=1).strip()
        if rest != value and not (bare and judged(bare).is_secret):
            return self._referred(where, value)
        # A credential with a reference in it is one as a whole.
        value = self._resolved(value, where)
        judgement = judged(value)
        self._decide(where, judgement)
        if not judgement.is_secret:
            return value
        scheme = SCHEME.match(value)
        kept = scheme.group() if scheme else ""
        return f"{kept}{self._sealed(secret_name(name), value[len(kept) :])}"

    def _referred(self, where: str, value: str) -> str:
        """Return a value whose references are to secrets of ours."""
        names: list[str] = []

        def write(referred: Referred) -> str:
            self._refuse_editor(referred, where)
            if referred.is_setting:
                return referred.value or ""
            names.append(referred.name)
            return self._of_reference(referred)

        written = replace_references(value, self._variable, write)
        why = f"it refers to {', '.join(names)}" if names else "it says where and who one is"
        self._decide(where, Judgement(bool(names), why))
        return written

    def _resolved(self, text: str, where: str) -> str:
        """Return a text with all that it refers to filled in.

        Raises:
            _Refused: something of that is not known here.
        """

        def write(referred: Referred) -> str:
            self._refuse_editor(referred, where)
            if referred.value is None:
                raise _Refused(f"{where} refers to {referred.name}, which is not set here")
            return referred.value

        return replace_references(text, self._variable, write)

    def _plain(self, text: str, where: str) -> str:
        """Return a text in which nothing can be sealed, with what it refers to filled in.

        Raises:
            _Refused: it refers to a credential, or to what is not known here.
        """

        def write(referred: Referred) -> str:
            is_open = referred.is_setting or not referred.value
            if not is_open and judge(referred.name, referred.value or "").is_secret:
                raise _Refused(f"{where} refers to {referred.name}, which is a credential")
            return ""

        replace_references(text, self._variable, write)
        return self._resolved(text, where)

    def _refuse_editor(self, referred: Referred, where: str) -> None:
        if referred.is_of_an_editor:
            raise _Refused(f"{where} refers to {referred.name}, which only the editor knows")

    def _sealed(self, name: str, value: str) -> str:
        chosen, number = name, 1
        while chosen in self._secrets and not _is_same(self._secrets[chosen], value):
            number += 1
            chosen = f"{name}_{number}"
        self._secrets[chosen] = Secret(value)
        return f"${{secret:{chosen}}}"

    def _of_reference(self, referred: Referred) -> str:
        """Return what takes the place of a reference."""
        name = secret_name(referred.name)
        if referred.value:
            return self._sealed(name, referred.value)
        self._secrets.setdefault(name, None)
        return f"${{secret:{name}}}"

    def _decide(self, where: str, judgement: Judgement) -> None:
        self._decisions.append(Decision(where, judgement.is_secret, judgement.why))


def _is_same(secret: Secret | None, value: str) -> bool:
    return secret is not None and secret.reveal() == value
