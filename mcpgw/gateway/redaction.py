"""Takes a server's own secrets out of what it says in the course of one exchange, and counts them.

They are opened for each message and held no longer.
"""

from collections.abc import Callable, Mapping

from msgspec import Raw, structs

from mcpgw.gateway.ports import Ask, Deliver
from mcpgw.model.redaction import redact
from mcpgw.protocol.exchange import PAUSED, Notification, Question, Reply

OpenSecrets = Callable[[], Mapping[str, str]]
"""Returns the values that a server was given, in the clear, by the names of its secrets."""


class Redactor:
    """One exchange with a server that was given secrets."""

    def __init__(self, open_secrets: OpenSecrets) -> None:
        self._open_secrets = open_secrets
        self._count = 0

    def deliver(self, deliver: Deliver | None) -> Deliver | None:
        """Return what passes notifications on without the secrets."""
        if deliver is None:
            return None

        async def redacted(notification: Notification) -> None:
            if notification is not PAUSED:
                params = self._redacted(notification.params)
                notification = Notification(notification.method, params)
            await deliver(notification)

        return redacted

    def ask(self, ask: Ask | None) -> Ask | None:
        """Return what puts questions without the secrets."""
        if ask is None:
            return None

        async def redacted(question: Question) -> Reply:
            return await ask(Question(question.method, self._redacted(question.params)))

        return redacted

    def reply(self, reply: Reply) -> Reply:
        """Return the answer without the secrets; it says how many there were in the exchange."""
        result, error = reply.result, reply.error
        result = None if result is None else self._redacted(result)
        error = None if error is None else self._redacted(error)
        return structs.replace(reply, result=result, error=error, redactions=self._count)

    def _redacted(self, said: Raw) -> Raw:
        redacted, count = redact(bytes(said), self._open_secrets())
        self._count += count
        return Raw(redacted) if count else said
