"""How closely to look: the weight of signs, alone and together."""

import pytest

from multimail.core.risk import ORDER, SIGNS, Risk, risk_of, weight_of


@pytest.mark.parametrize(
    ("signs", "risk"),
    [
        ((), Risk.ORDINARY),
        (("edited",), Risk.ORDINARY),
        (("first_contact",), Risk.ELEVATED),
        (("first_contact", "attachment"), Risk.ELEVATED),
        (("first_contact", "attachment", "bcc"), Risk.HIGH),
        (("first_contact", "first_contact", "bcc"), Risk.ELEVATED),
        (("hidden",), Risk.HIGH),
        (("edited", "look_alike"), Risk.HIGH),
        (("a_finding_of_tomorrow",), Risk.HIGH),
    ],
)
def test_what_signs_come_to(signs: tuple[str, ...], risk: Risk) -> None:
    assert risk_of(signs) is risk


def test_another_sign_never_makes_it_milder() -> None:
    for one in SIGNS:
        for other in SIGNS:
            assert ORDER.index(risk_of([one, other])) <= ORDER.index(weight_of(one))
