"""The event types of contract §9, their aliases, and which subscription hears what."""

from enum import StrEnum


class EventType(StrEnum):
    EMAIL_RECEIVED = "email.received"
    EMAIL_SENT = "email.sent"
    EMAIL_DELIVERED = "email.delivered"
    EMAIL_BOUNCED = "email.bounced"
    EMAIL_COMPLAINED = "email.complained"
    EMAIL_UNSUBSCRIBED = "email.unsubscribed"
    EMAIL_FAILED = "email.failed"
    EMAIL_CANCELLED = "email.cancelled"
    OVERSIGHT_PENDING = "oversight.pending"
    OVERSIGHT_APPROVED = "oversight.approved"
    OVERSIGHT_REJECTED = "oversight.rejected"
    MAILBOX_UPGRADED = "mailbox.upgraded"
    DOMAIN_VERIFIED = "domain.verified"
    ACCOUNT_SUSPENDED = "account.suspended"
    AUDIT_HEAD = "audit.head"
    WEBHOOK_TEST = "webhook.test"


def subscribable(name: str) -> bool:
    """Whether a webhook may subscribe to `name`: a type, `message.*` for `email.*`, or `*` for all."""
    return name == "*" or _canonical(name) in set(EventType)


def heard_as(event_type: str, subscriptions: list[str]) -> str | None:
    """The name under which a subscriber hears `event_type`, None if it does not; the subscribed name wins."""
    by_name = next((name for name in subscriptions if _canonical(name) == event_type), None)
    return event_type if by_name is None and "*" in subscriptions else by_name


def _canonical(name: str) -> str:
    return "email." + name.removeprefix("message.") if name.startswith("message.") else name
