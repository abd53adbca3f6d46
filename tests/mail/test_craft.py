"""What is said about a message is true of its bytes."""

from dataclasses import replace

import pytest

from multimail.core.address import Address
from multimail.core.revision import revision
from multimail.mail.compose import ComposeError, Draft, compose
from multimail.mail.craft import craft

DRAFT = Draft(
    from_=Address("Agent", "agent@local.multimail.test"),
    to=(Address("", "bob@example.test"),),
    cc=(),
    reply_to=(),
    subject="A subject that is so long that its header has to be folded, more than once perhaps, as here it is",
    markdown="Hello **Bob**.",
    html=None,
    attachments=(),
    message_id="eml_1@multimail.test",
    in_reply_to=None,
    references=(),
)


def test_it_is_the_composed_message_and_its_revision() -> None:
    crafted = craft(DRAFT, ["bob@example.test", "eve@example.test"])
    assert crafted.raw == compose(DRAFT)
    assert crafted.revision == revision(
        "agent@local.multimail.test", ["bob@example.test", "eve@example.test"], crafted.raw
    )
    assert crafted.revision != craft(DRAFT, ["bob@example.test"]).revision


def test_headers_are_unfolded_and_in_order() -> None:
    headers = craft(DRAFT, []).headers
    assert ["Subject", DRAFT.subject] in headers
    assert [name for name, _ in headers] == [
        "From", "To", "Subject", "Message-ID", "MIME-Version", "Content-Type",
    ]  # fmt: skip


def test_what_given_html_hides_is_named() -> None:
    assert craft(DRAFT, []).hidden == ()
    hiding = replace(DRAFT, html='<p>Seen</p><p style="font-size:0px">Unseen</p>')
    assert craft(hiding, []).hidden


def test_a_draft_that_is_no_message_is_refused() -> None:
    with pytest.raises(ComposeError):
        craft(replace(DRAFT, subject="a\nBcc: eve@example.test"), [])
