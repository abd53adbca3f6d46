"""The limits that the reference lists are those of the inputs themselves."""

from multimail.operations.registry import OPERATIONS
from multimail.surfaces.limits import EVERYWHERE, limited_inputs, plans


def test_what_an_input_limits_is_told_in_words() -> None:
    told = dict(limited_inputs(OPERATIONS))
    assert "`subject` up to 998 characters" in told["`send_email`"]
    assert "`to` up to 1,000 items" in told["`send_email`"], "one of two kinds of a list"
    assert told["`wait_for_email`"] == "`timeout_seconds` 0 to 120"
    assert told["`save_view`"].startswith("`name` 1 to 40 characters")
    assert "`list_mailboxes`" not in told, "what all lists have is told once"


def test_what_no_schema_says_is_told_with_the_contract_s_figures() -> None:
    told = dict(EVERYWHERE)
    assert told["`to`, `cc` and `bcc` together"] == "50 addresses"
    assert told["a message as MIME, and a draft's files"] == "25 MiB"
    assert next(plans()) == ("`starter`", "2", "200", "100 MB", "120")
