"""The closed set of errors against contract §2 and the codes its other sections name."""

import re

import pytest

from multimail.core.errors import ERRORS, Refused, invalid, not_found

# code -> status, as the contract's sections give them.
CONTRACT_CODES = {
    "rate_limited": 429,
    "quota_exceeded": 429,
    "warmup_limit": 429,
    "self_approval": 403,
    "read_only": 403,
    "stale_revision": 409,
    "revision_required": 409,
    "no_oversight_address": 409,
    "ambiguous_reply": 409,
    "idempotency_mismatch": 409,
    "operator_address": 422,
    "conflicting_fields": 422,
    "suppressed": 422,
    "not_found": 404,
}
codes = pytest.mark.parametrize("code", sorted(ERRORS))


@pytest.mark.parametrize(("code", "status"), CONTRACT_CODES.items())
def test_every_code_the_contract_names_has_its_status(code, status):
    assert ERRORS[code].status == status


def test_every_status_the_contract_names_has_a_code():
    statuses = {kind.status for kind in ERRORS.values()}
    assert {400, 401, 403, 404, 409, 413, 422, 429, 500, 503} <= statuses


def test_absent_and_another_accounts_have_one_answer():
    assert [code for code, kind in ERRORS.items() if kind.status == 404] == ["not_found"]


@codes
def test_a_code_is_stable_snake_case_and_its_sentence_is_for_a_person(code):
    sentence = ERRORS[code].sentence
    assert re.fullmatch(r"[a-z]+(_[a-z]+)*", code)
    assert sentence.endswith(".") and sentence.count(". ") == 0
    assert sentence.isprintable() and sentence.isascii()


@codes
def test_the_smtp_reply_is_well_formed_and_its_two_classes_agree(code):
    """RFC 5321 4.2.1: 4yz is temporary, 5yz permanent; RFC 3463 3.1: the enhanced code says the same."""
    kind = ERRORS[code]
    assert re.fullmatch(r"([45])[0-5]\d \1\.\d{1,3}\.\d{1,3}", kind.smtp)
    assert kind.temporary == (kind.smtp[0] == "4")


def test_waiting_helps_or_it_does_not():
    for code, kind in ERRORS.items():
        if kind.status >= 500 or kind.status == 429:
            assert kind.temporary, code
        elif kind.status != 409:
            assert not kind.temporary, code


def test_server_errors_tell_nothing_of_the_inside():
    for code, kind in ERRORS.items():
        if kind.status >= 500:
            assert not re.search(r"exception|traceback|sql|database|/|null", kind.sentence, re.IGNORECASE), (
                code
            )


def test_refused_carries_its_kind_its_sentence_and_its_details():
    refused = Refused("conflict", "It was sent already.", status="sent")
    assert (refused.code, refused.sentence) == ("conflict", "It was sent already.")
    assert refused.kind is ERRORS["conflict"]
    assert refused.details == {"status": "sent"}
    assert str(refused) == "conflict: It was sent already."
    assert Refused("read_only").sentence == ERRORS["read_only"].sentence
    assert Refused("not_found").details == {}


def test_a_403_says_what_would_allow_it_and_details_of_ones_own_come_first():
    for code, kind in ERRORS.items():
        assert kind.status != 403 or Refused(code).details["hint"], code
    assert Refused("read_only", hint="ask Ann").details == {"hint": "ask Ann"}


def test_a_code_outside_the_set_cannot_be_raised():
    with pytest.raises(KeyError, match="no_such_code"):
        Refused("no_such_code")


def test_the_table_is_the_same_whatever_is_refused():
    before = dict(ERRORS)
    Refused("too_large", "Another sentence.", limit=1)
    assert before == ERRORS


def test_not_found_names_the_kind_of_thing_and_nothing_else():
    refused = not_found("mailbox")
    assert (refused.code, refused.kind.status, refused.details) == ("not_found", 404, {})
    assert refused.sentence == "There is no such mailbox here."


def test_invalid_has_the_shape_of_a_field_error():
    refused = invalid("to.0", "is not an address")
    assert (refused.code, refused.kind.status) == ("invalid_fields", 422)
    assert refused.details == {"fields": [{"path": "to.0", "message": "is not an address"}]}
    assert "to.0" in refused.sentence
