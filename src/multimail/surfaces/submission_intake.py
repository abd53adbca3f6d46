"""What mail programs talk to: send_email, by way of invoke() and its gate, like any other send."""

import hashlib
from collections.abc import Callable, Mapping
from typing import Final, TypeVar

import structlog

from multimail.core.address import AddressError, parse_address
from multimail.core.errors import ERRORS, Refused
from multimail.mail.submission import NotSendable, Submission, read_submission
from multimail.operations.authenticate import authenticate, require_valid
from multimail.operations.composing import RECIPIENTS
from multimail.operations.context import Caller, Context, Services
from multimail.operations.operation import check_scope, invoke
from multimail.operations.submitting import SUBMIT_EMAIL
from multimail.storage.database import StorageFull, Tx
from multimail.surfaces.http_request import METADATA_HEADERS
from multimail.surfaces.smtp_envelope import Envelope, Limits, Reply, network

LIMITS: Final = Limits(connections=500, recipients=RECIPIENTS)
FAILED_LOGINS: Final = 10  # a minute and client; keys can't be guessed, but each guess costs a look
IN_MAIL: Final = {header.decode(): name for header, name in METADATA_HEADERS.items()}

BAD_KEY: Final = Reply(535, "5.7.8", "Authentication credentials invalid")
TOO_MANY_LOGINS: Final = Reply(454, "4.7.0", "Too many failed logins from there, try again later")
NOT_YOURS: Final = Reply(553, "5.7.1", "That key may not send as this address")

# Where an error of the contract has another reply than core/errors.py gives it: those are about commands, these
# about a message.
AFTER_DATA: Final = {
    "unauthenticated": (530, "5.7.0"),
    "malformed_request": (554, "5.6.0"),
    "invalid_fields": (554, "5.6.0"),
    "conflicting_fields": (554, "5.6.0"),
    "not_found": (553, "5.7.1"),
}

log = structlog.get_logger()
T = TypeVar("T")


def refusal(refused: Refused) -> Reply:
    """As SMTP says it: the sentence, what would allow it, and the error's code for a program to find."""
    code, enhanced = AFTER_DATA.get(refused.code) or _reply_code(refused.code)
    hint = refused.details.get("hint")
    return Reply(code, enhanced, f"{refused.sentence} {f'({hint}) ' if hint else ''}[{refused.code}]")


def _reply_code(code: str) -> tuple[int, str]:
    number, enhanced = ERRORS[code].smtp.split()
    return int(number), enhanced


class KeyholdersIntake:
    """Mail from whoever has an API key, accepted, held or refused as send_email decides; durable before the reply."""

    def __init__(self, services: Services) -> None:
        self._services = services

    async def login(self, peer: str, key: str) -> Reply | None:
        services, client = self._services, f"login/{network(peer)}"
        if services.rates.left(client, FAILED_LOGINS, services.clock()).retry_after is not None:
            return TOO_MANY_LOGINS
        try:
            await self._look(key, lambda ctx: None)
        except Refused:
            services.rates.take(client, FAILED_LOGINS, services.clock())
            log.warning("submission_login_failed", peer=peer)
            return BAD_KEY
        return None

    async def sender(self, key: str, address: str) -> Reply | None:
        def look(ctx: Context) -> None:
            check_scope(SUBMIT_EMAIL, ctx.actor)
            if not address:
                raise Refused("not_found")
            ctx.mailbox(address)

        try:
            await self._look(key, look)
        except Refused as refused:
            return NOT_YOURS if refused.code == "not_found" else refusal(refused)
        return None

    async def recipient(self, sender: str, address: str) -> Reply | None:
        try:
            parse_address(address)
        except AddressError as error:
            return Reply(553, "5.1.3", str(error))
        return None

    async def message(self, envelope: Envelope, raw: bytes) -> Reply:
        services = self._services
        try:
            given = await services.apart(read_submission, raw, envelope.sender, envelope.recipients, IN_MAIL)
            caller = Caller(
                envelope.key, services.new_id("req"), given.metadata, _idempotency_key(envelope, given)
            )
            fields = {**given.fields, "client_message_id": given.message_id}
            answer = await invoke(services, SUBMIT_EMAIL, fields, caller)
        except NotSendable as error:
            enhanced, sentence = error.args
            return Reply(554, enhanced, sentence)
        except Refused as refused:
            return refusal(refused)
        except StorageFull:
            return refusal(Refused("storage_full"))
        return Reply(250, "2.0.0", _taken(answer.body, given))

    async def _look(self, key: str, look: Callable[[Context], T]) -> T:
        """In the snapshot in which the key is found good. Raises Refused."""
        services = self._services

        def unit(tx: Tx) -> T:
            actor, now = authenticate(tx, key), services.clock()
            require_valid(tx, actor, now, note_use=False)
            return look(Context(services, tx, actor, now))

        return await services.db.read(unit)


def _idempotency_key(envelope: Envelope, given: Submission) -> str | None:
    """The same message to the same people is the same send; a program that splits its recipients sends several."""
    if not given.message_id:
        return None
    named = "\0".join((envelope.sender.lower(), given.message_id, *sorted(envelope.recipients)))
    return f"smtp-{hashlib.sha256(named.encode()).hexdigest()}"


def _taken(answer: Mapping[str, object], given: Submission) -> str:
    again = ", handed in before" if answer.get("idempotent") else ""
    left_out = f"; left out: {', '.join(given.left_out)}" if given.left_out else ""
    return f"{answer['id']} {answer['status']}{again}{left_out}"
