"""The limits that docs/reference.md lists: read from the inputs' own models and from the constants that hold."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from multimail.core.plans import (
    BOUNCES,
    COMPLAINTS,
    GB,
    LEAST_BOUNCES,
    LEAST_SENDS,
    MB,
    PLANS,
    WARM_UP,
    WINDOW,
    Plan,
)
from multimail.core.times import HOUR, MINUTE
from multimail.operations import (
    composing,
    consent,
    domains,
    emails,
    export,
    idempotency,
    people,
    sign_up,
    upgrades,
    usage,
    waiting,
)
from multimail.operations.operation import ITEMS, VALUES, Operation
from multimail.surfaces.http_request import BODY_LIMIT, METADATA_LIMIT

PAGE: Final = "limit"  # the input of all lists
MIB: Final = 1024 * 1024
KIB: Final = 1024

# What no schema can say.
EVERYWHERE: Final = (
    ("a request's body", f"{BODY_LIMIT // MIB} MiB, {VALUES:,} values, {ITEMS:,} of them in one list or object"),
    ("`to`, `cc` and `bcc` together", f"{composing.RECIPIENTS} addresses"),
    (f"`{PAGE}` of every list", "100, by default 20; of `get_thread` 100"),
    ("an email's body, in each of `markdown` and `html`", f"{composing.BODY // KIB} KiB"),
    ("a message as MIME, and a draft's files", f"{composing.MESSAGE // MIB} MiB"),
    ("`metadata`, with that of the headers", f"{METADATA_LIMIT} keys"),
    ("tags on an email", f"{emails.TAGS}"),
    ("an idempotency key", f"{idempotency.LIFE // HOUR} hours"),
    ("`wait_for_email`", f"{waiting.PATIENCE} seconds"),
    ("`get_usage`", f"{usage.LONGEST} days"),
    ("`export_account`", f"once in {export.EVERY // MINUTE} minutes"),
    ("an owner's code", f"{consent.LIFE // MINUTE} minutes, 5 attempts"),
    ("an owner's code for an upgrade", f"{consent.UPGRADE_LIFE // HOUR} hours, 5 attempts"),
    ("requests that wait for an owner", f"{consent.OPEN} of a key, {consent.OPEN_IN_ALL} of an account"),
    ("`request_upgrade`", f"{upgrades.REQUESTS_PER_HOUR} an hour and mailbox"),
    ("invitations", f"{people.LINKS_PER_HOUR} an hour"),
    ("codes to sign up", f"{sign_up.MAILS} an hour and address"),
    ("a code to sign up", f"{sign_up.CODE_LIFE // MINUTE} minutes, {sign_up.ATTEMPTS} attempts"),
    ("domains of an account", f"{domains.MOST}"),
)  # fmt: skip


def limited_inputs(operations: Sequence[Operation]) -> Iterator[tuple[str, str]]:
    """Of each operation that limits some: its name, and what it takes, in words."""
    for operation in operations:
        properties = operation.input.model_json_schema().get("properties", {})
        told = [
            f"`{name}` {words}"
            for name, schema in properties.items()
            if name != PAGE and (words := _words(schema))
        ]
        if told:
            yield f"`{operation.name}`", "; ".join(told)


def _words(schema: Mapping[str, Any]) -> str:
    """What a JSON schema demands of a value, without its type. Of alternatives each that demands something."""
    told = []
    for kind in (schema, *schema.get("anyOf", ())):
        for unit, least, most in (
            (" characters", "minLength", "maxLength"),
            (" items", "minItems", "maxItems"),
            (" keys", "minProperties", "maxProperties"),
            ("", "minimum", "maximum"),
        ):
            if most in kind:
                first = (
                    f"{kind[least]:,} to "
                    if kind.get(least)
                    else "0 to "
                    if not unit and least in kind
                    else "up to "
                )
                told.append(f"{first}{kind[most]:,}{unit}")
            elif kind.get(least):
                told.append(f"at least {kind[least]:,}{unit}")
    return " or ".join(told)


def plans() -> Iterator[tuple[str, ...]]:
    for name, plan in PLANS.items():
        yield (f"`{name}`", *_of(plan))


def _of(plan: Plan) -> tuple[str, ...]:
    storage = plan.storage or 0
    room = f"{storage // GB} GB" if storage >= GB else f"{storage // MB} MB"
    return (f"{plan.mailboxes:,}", f"{plan.emails:,}", room, f"{plan.requests:,}")


ABOUT_PLANS: Final = (
    "A `self_hosted` account has the limits that `--limits` names, by default none. Over a plan's limit a request is "
    "answered 429 with Retry-After; what comes in is never refused. With a hosted plan, and where `--limits` says so, "
    "a new domain that delivers by MX sends at most "
    + ", ".join(f"{limit:,} emails a day until day {days}" for days, limit in WARM_UP)
    + f"; and sending is suspended where of at least {LEAST_SENDS} emails in {WINDOW} days more than {BOUNCES:.0%} "
    f"bounced ({LEAST_BOUNCES} at least) or more than {COMPLAINTS:.1%} were complained about."
)
