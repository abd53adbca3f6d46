"""Signing up: a proof of work, a code to the address, and then an account with its owner, a mailbox and one key.

Whoever asks gets the same answer, whether the address is new, waits or has an account: only its mailbox knows.
Nobody can sign up until a setting opens it.
"""

import hmac
from collections.abc import Mapping
from typing import Any, Final

from altcha import v1 as pow_v1
from pydantic import Field, field_validator
from typing_extensions import TypedDict

from multimail.core.errors import Refused, invalid
from multimail.core.oversight import Mode
from multimail.core.scopes import Role, Scope
from multimail.core.slugs import slug_fault, slug_from
from multimail.core.times import HOUR, MINUTE, SECOND, to_datetime
from multimail.operations import consent
from multimail.operations.account import Nothing
from multimail.operations.api_keys import add_key
from multimail.operations.context import Context, Services, system
from multimail.operations.mailboxes import add_mailbox
from multimail.operations.notices import notify, outside_address
from multimail.operations.operation import Input, Operation, write_audit

CHALLENGE_LIFE: Final = 20 * MINUTE
HARDEST: Final = 1_000_000  # hashes at most: about a second of a laptop
CODE_LIFE: Final = 30 * MINUTE
ATTEMPTS: Final = 5  # at one code
MAILS: Final = 3  # an hour to one address
HAS_ACCOUNT: Final = """\
Somebody, probably you, asked to open an account at {domain} with this address. It has one already: {url}

If it was not you, there is nothing to do.
"""
CODE: Final = """\
The code that opens your account at {domain}: {code}

It is good for {minutes} minutes. If you did not ask for it, there is nothing to do: without it no account is made.
"""


def challenge_key(services: Services) -> bytes:
    return hmac.digest(services.link_secret, b"sign-up challenge", "sha256")


def require_open(ctx: Context) -> None:
    if not ctx.services.site.sign_up:
        raise Refused("sign_up_closed")


class Challenge(TypedDict):
    """ALTCHA, version 1: find the number up to `maxnumber` with SHA-256(salt + number) = challenge, in hexadecimal."""

    algorithm: str
    challenge: str
    maxnumber: int
    salt: str
    signature: str


def request_challenge(ctx: Context, given: Nothing) -> Mapping[str, Any]:
    """Gives a proof of work (ALTCHA) to solve before signing up. It is good for 20 minutes, once."""
    require_open(ctx)
    made = pow_v1.create_challenge(
        pow_v1.ChallengeOptions(
            max_number=HARDEST,
            hmac_key=challenge_key(ctx.services),
            expires=to_datetime(ctx.now + CHALLENGE_LIFE),
        )
    )
    return {
        "algorithm": made.algorithm,
        "challenge": made.challenge,
        "maxnumber": made.max_number,
        "salt": made.salt,
        "signature": made.signature,
    }


def require_work(ctx: Context, payload: str) -> None:
    """A solution of a challenge of ours, in time and for the first time. Raises Refused("invalid_fields")."""
    wrong = invalid("altcha", "not the solution of a challenge that is still good")
    try:
        solved = pow_v1.Payload.from_base64(payload)
        expires = solved.parse_salt()[1] or 0
        right = pow_v1.verify_solution(solved, challenge_key(ctx.services), check_expires=False)[0]
    except (ValueError, KeyError, TypeError, AttributeError):  # a stranger may write anything
        raise wrong from None
    expires_at = int(expires) * SECOND if right else 0
    if expires_at <= ctx.now:
        raise wrong
    if not ctx.sql.use_challenge(challenge=solved.challenge, expires_at=expires_at):
        raise invalid("altcha", "this solution was used already")


class CreateAccount(Input):
    email: str = Field(max_length=320, description="The owner's address; the code goes there.")
    name: str = Field(min_length=1, max_length=128, description="The organisation or person.")
    slug: str | None = Field(
        None,
        description="The label in its addresses (agent@SLUG.domain); see check_slug. By default one is made.",
    )
    altcha: str = Field(
        max_length=4096, description="The solved challenge, as ALTCHA's widget gives it (base64)."
    )

    @field_validator("name")
    @classmethod
    def _one_line(cls, name: str) -> str:
        if not name.strip() or not name.isprintable():
            raise ValueError("a name is one line without control characters")
        return name.strip()


class SignUpAnswer(TypedDict):
    """The same for every address. A code lives `expires_in` seconds; three an hour are mailed to one address."""

    status: str
    expires_in: int


SAME_ANSWER: Final = {"status": "confirmation_sent", "expires_in": CODE_LIFE // SECOND}


def create_account(ctx: Context, given: CreateAccount) -> Mapping[str, Any]:
    """Begins to open an account: mails a code to the address, with which activate_account makes it.

    The answer is the same whether or not the address has an account already.
    """
    require_open(ctx)
    require_work(ctx, given.altcha)
    email = outside_address(ctx.services, ctx.tx, given.email, "email")
    slug = given.slug or slug_from(given.name, f"{ctx.services.bits(24):06x}")
    fault = slug_fault(slug)
    if fault is not None:
        raise invalid("slug", f"{fault}: 3 to 40 letters, digits and single hyphens, and no reserved name")
    require_free(ctx, slug)
    wanted = {"email": email, "account_id": ctx.new_id("acc"), "name": given.name, "slug": slug}
    ctx.sql.start_sign_up(**wanted, now=ctx.now)
    mail_code(ctx, wanted)
    return SAME_ANSWER


def require_free(ctx: Context, slug: str) -> None:
    if ctx.sql.get_account_by_slug(slug=slug) is not None:
        raise Refused("slug_taken")


def mail_code(ctx: Context, wanted: Mapping[str, str]) -> str | None:
    """Mails a new code for what is wanted, which voids the one before, or word that there is an account; the code.

    None, and nothing is done, once the address got its MAILS of the hour: else whoever knows an address could
    keep its owner from signing up.
    """
    email, account_id = wanted["email"], wanted["account_id"]
    if not ctx.sql.take_sign_up_mail(email=email, now=ctx.now, hour_ago=ctx.now - HOUR, most=MAILS):
        return None
    known = ctx.sql.find_owner_address(address=email)
    code, code_hash = consent.new_code(ctx, account_id)
    if known is not None:
        code_hash = consent.UNSHOWN
    ctx.sql.renew_sign_up(**wanted, code_hash=code_hash, now=ctx.now, expires_at=ctx.now + CODE_LIFE)
    site = ctx.services.site
    text = (HAS_ACCOUNT if known else CODE).format(
        domain=site.domain, url=site.public_url, code=code, minutes=CODE_LIFE // MINUTE
    )
    subject = f"Your account at {site.domain}"
    notify(founder(ctx, account_id), email, subject, text, "notice" if known else "code")
    return code


def founder(ctx: Context, account_id: str) -> Context:
    """The product itself, in an account that is about to be."""
    return Context(ctx.services, ctx.tx, system(account_id, "sign up"), ctx.now, ctx.metadata, ctx.request_id)


class ResendConfirmation(Input):
    email: str = Field(max_length=320)


def resend_confirmation(ctx: Context, given: ResendConfirmation) -> Mapping[str, Any]:
    """Mails a new code to an address that is signing up; the code before is void. The answer is always the same."""
    require_open(ctx)
    email = outside_address(ctx.services, ctx.tx, given.email, "email")
    waiting = ctx.sql.get_sign_up(email=email)
    if waiting is not None:
        mail_code(ctx, {name: waiting[name] for name in ("email", "account_id", "name", "slug")})
    return SAME_ANSWER


class ActivateAccount(Input):
    email: str = Field(max_length=320)
    code: str = Field(max_length=32, description="From the mail.")


class ActivatedAnswer(TypedDict):
    """`api_key` (read, send) is shown this once. `address` is the first mailbox's; it is gated_send."""

    account_id: str
    slug: str
    domain: str
    plan: str
    mailbox_id: str
    address: str
    key_id: str
    scopes: list[str]
    api_key: str


def activate_account(ctx: Context, given: ActivateAccount) -> Mapping[str, Any] | Refused:
    """Opens the account with the mailed code: the address becomes its owner's, and one key (read, send) is made.

    A wrong code is counted; after five, or 30 minutes, a new one must be asked for.
    """
    require_open(ctx)
    email = outside_address(ctx.services, ctx.tx, given.email, "email")
    waiting = ctx.sql.get_sign_up(email=email)
    if waiting is None or not ctx.sql.count_sign_up_attempt(email=email, now=ctx.now, most=ATTEMPTS):
        return Refused("invalid_confirmation_code")
    given_hash = consent.hash_code(ctx, waiting["account_id"], given.code.strip())
    if not hmac.compare_digest(given_hash, waiting["code_hash"]):
        return Refused("invalid_confirmation_code")  # returned, not raised: the attempt counts
    ctx.sql.remove_sign_up(email=email)
    return _found(founder(ctx, waiting["account_id"]), email, waiting["name"], waiting["slug"])


def _found(ctx: Context, email: str, name: str, slug: str) -> dict[str, Any]:
    """Account, owner, mailbox and key. Raises Refused("slug_taken") where somebody was faster."""
    site = ctx.services.site
    account = {"account_id": ctx.account_id, "slug": slug, "name": name, "plan": site.sign_up}
    if not ctx.sql.add_account(**account, created_at=ctx.now):
        raise Refused("slug_taken")
    if not ctx.sql.add_owner_address(address=email, account_id=ctx.account_id):
        raise Refused("invalid_confirmation_code")
    operator_id = ctx.new_id("opr")
    ctx.sql.add_operator(
        account_id=ctx.account_id,
        operator_id=operator_id,
        role=Role.OWNER,
        name=name,
        email=email,
        created_at=ctx.now,
    )
    ctx.sql.note_joined(account_id=ctx.account_id, operator_id=operator_id, now=ctx.now)
    ctx.sql.set_oversight_email(account_id=ctx.account_id, oversight_email=email)
    ctx.sql.verify_oversight_email(account_id=ctx.account_id, now=ctx.now)
    ctx.about("account", ctx.account_id, slug=slug, plan=site.sign_up, owner=operator_id)
    write_audit(ctx, "activate_account")
    mode, address = Mode.GATED_SEND, f"agent@{slug}.{site.domain}"
    box = add_mailbox(ctx, address, name=name, mode=mode, wanted_mode=None, human_written=False, test=False)
    write_audit(ctx, "create_mailbox")
    key = add_key(ctx, "agent", [Scope.READ, Scope.SEND], None, test=False)
    write_audit(ctx, "create_api_key")
    return {
        "account_id": ctx.account_id,
        "slug": slug,
        "domain": f"{slug}.{site.domain}",
        "plan": site.sign_up,
        "mailbox_id": box["mailbox_id"],
        "address": address,
        "key_id": key["id"],
        "scopes": key["scopes"],
        "api_key": key["api_key"],
    }


class CheckSlug(Input):
    slug: str = Field(max_length=253)


class SlugAnswer(TypedDict):
    """`reason` is null where the slug is available, else invalid, reserved or taken."""

    slug: str
    available: bool
    reason: str | None


def check_slug(ctx: Context, given: CheckSlug) -> Mapping[str, Any]:
    """Tells whether an account could have this slug: 3 to 40 letters, digits and single hyphens."""
    reason: str | None = slug_fault(given.slug)
    if reason is None and ctx.sql.get_account_by_slug(slug=given.slug) is not None:
        reason = "taken"
    return {"slug": given.slug, "available": reason is None, "reason": reason}


REQUEST_CHALLENGE = Operation(
    name="request_challenge",
    run=request_challenge,
    input=Nothing,
    output=Challenge,
    scopes=(Scope.PUBLIC,),
    effect="read",
    audited=False,
    method="POST",
    path="/v1/account/challenge",
    errors=("sign_up_closed",),
)
CREATE_ACCOUNT = Operation(
    name="create_account",
    run=create_account,
    input=CreateAccount,
    output=SignUpAnswer,
    scopes=(Scope.PUBLIC,),
    effect="write",
    method="POST",
    path="/v1/account",
    status=202,
    aliases={"oversight_email": "email", "operator_name": "name", "pow_solution": "altcha"},
    errors=("sign_up_closed", "slug_taken", "operator_address"),
)
RESEND_CONFIRMATION = Operation(
    name="resend_confirmation",
    run=resend_confirmation,
    input=ResendConfirmation,
    output=SignUpAnswer,
    scopes=(Scope.PUBLIC,),
    effect="write",
    method="POST",
    path="/v1/account/resend-confirmation",
    status=202,
    aliases={"oversight_email": "email"},
    errors=("sign_up_closed", "operator_address"),
)
ACTIVATE_ACCOUNT = Operation(
    name="activate_account",
    run=activate_account,
    input=ActivateAccount,
    output=ActivatedAnswer,
    scopes=(Scope.PUBLIC,),
    effect="write",
    method="POST",
    path="/v1/confirm",
    status=201,
    aliases={"oversight_email": "email", "activation_code": "code"},
    errors=("sign_up_closed", "invalid_confirmation_code", "slug_taken", "operator_address"),
)
CHECK_SLUG = Operation(
    name="check_slug",
    run=check_slug,
    input=CheckSlug,
    output=SlugAnswer,
    scopes=(Scope.PUBLIC,),
    effect="read",
    audited=False,
    method="GET",
    path="/v1/slug-check/{slug}",
)
