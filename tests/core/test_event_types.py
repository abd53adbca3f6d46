"""Event types and subscriptions (contract §9)."""

import pytest

from multimail.core.event_types import EventType, heard_as, subscribable

CONTRACT_TYPES = """
    email.received email.sent email.delivered email.bounced email.complained email.failed email.cancelled
    oversight.pending oversight.approved oversight.rejected mailbox.upgraded domain.verified
""".split()


def test_the_types_are_those_of_the_contract_the_audit_heads_and_what_tries_a_webhook():
    assert {event_type.value for event_type in EventType} == {
        *CONTRACT_TYPES,
        "account.suspended",
        "email.unsubscribed",
        "audit.head",
        "webhook.test",
    }


@pytest.mark.parametrize("event_type", CONTRACT_TYPES)
def test_a_subscription_to_a_type_hears_that_type_and_no_other(event_type):
    assert subscribable(event_type)
    for other in EventType:
        assert heard_as(other, [event_type]) == (event_type if other == event_type else None)


@pytest.mark.parametrize("event_type", [name for name in CONTRACT_TYPES if name.startswith("email.")])
def test_message_is_accepted_for_email_and_delivered_under_the_name_subscribed_to(event_type):
    alias = event_type.replace("email.", "message.")
    assert subscribable(alias)
    for other in EventType:
        assert heard_as(other, [alias]) == (alias if other == event_type else None)


def test_a_star_means_all_under_their_own_names():
    assert subscribable("*")
    for event_type in EventType:
        assert heard_as(event_type, ["*"]) == event_type


@pytest.mark.parametrize(
    "name",
    [
        "",
        "email",
        "email.",
        "message.",
        "email.*",
        "message.*",
        "**",
        "EMAIL.SENT",
        " email.sent",
        "email.sent\n",
        "message.pending",
        "message.email.sent",
        "message.message.sent",
        "oversight.sent",
        "message",
    ],
)
def test_other_names_are_refused_and_hear_nothing(name):
    assert not subscribable(name)
    assert [heard_as(event_type, [name]) for event_type in EventType] == [None] * len(EventType)


def test_of_several_subscriptions_the_first_that_fits_names_the_event():
    assert heard_as("email.sent", ["message.received", "message.sent", "email.sent"]) == "message.sent"
    assert heard_as("email.sent", ["email.sent", "message.sent"]) == "email.sent"
    assert heard_as("email.sent", ["email.failed", "*"]) == "email.sent"
    assert heard_as("email.sent", []) is None
