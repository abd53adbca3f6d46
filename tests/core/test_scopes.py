"""Scopes and the separation of duties (contract §3), over every set of scopes."""

from itertools import chain, combinations

import pytest

from multimail.core.scopes import (
    KEY_SCOPES,
    ROLE_GRANTS,
    Role,
    Scope,
    allowed,
    forbidden_combination,
    key_grants,
)

EVERY_KEY = [
    frozenset(scopes)
    for scopes in chain.from_iterable(combinations(KEY_SCOPES, size) for size in range(len(KEY_SCOPES) + 1))
]


def named(names):
    return frozenset(Scope(name) for name in names.split())


def test_keys_take_the_four_scopes_of_the_contract():
    assert [scope.value for scope in KEY_SCOPES] == ["read", "send", "oversight", "admin"]
    assert len(EVERY_KEY) == 16


def test_none_implies_another_except_admin_read():
    for scopes in EVERY_KEY:
        implied = key_grants(scopes) - scopes
        assert implied == (named("read") if "admin" in scopes and "read" not in scopes else frozenset())
        assert key_grants(scopes) >= scopes


def test_whoever_can_compose_cant_decide_and_no_program_can_promote_itself():
    for scopes in EVERY_KEY:
        pair = forbidden_combination(scopes)
        together = "oversight" in scopes and ("send" in scopes or "admin" in scopes)
        assert (pair is not None) == together
        assert pair is None or (pair <= scopes and len(pair) == 2 and "oversight" in pair)


@pytest.mark.parametrize(
    "scopes", ["read send", "read oversight", "read admin", "send admin", "read send admin"]
)
def test_the_keys_that_the_contract_and_the_first_run_make_are_allowed(scopes):
    assert forbidden_combination(named(scopes)) is None


def test_no_key_that_may_exist_is_granted_a_persons_authority_or_both_sides_of_a_decision():
    for scopes in EVERY_KEY:
        if forbidden_combination(scopes) is None:
            grants = key_grants(scopes)
            assert grants <= frozenset(KEY_SCOPES)
            assert forbidden_combination(grants) is None


def test_a_need_is_met_by_any_one_of_its_scopes_and_by_nothing_else():
    needs = (Scope.ADMIN, Scope.OVERSIGHT)
    for grants in map(key_grants, EVERY_KEY):
        assert allowed(grants, needs) == ("admin" in grants or "oversight" in grants)
        assert not allowed(grants, (Scope.OPERATOR, Scope.PERSON))
        assert not allowed(grants, (Scope.OWNER, Scope.OPERATOR))
        assert allowed(grants, (Scope.PUBLIC,))
        assert not allowed(grants, ())


def test_an_owner_loosens_an_approver_decides_a_viewer_looks():
    owner, approver, viewer = (ROLE_GRANTS[role] for role in (Role.OWNER, Role.APPROVER, Role.VIEWER))
    assert set(ROLE_GRANTS) == set(Role) == {"owner", "approver", "viewer"}
    assert viewer < approver < owner
    assert [Scope.OWNER in grants for grants in (owner, approver, viewer)] == [True, False, False]
    assert [Scope.OVERSIGHT in grants for grants in (owner, approver, viewer)] == [True, True, False]
    assert viewer == {Scope.READ, Scope.PERSON}


def test_no_person_composes_as_an_agent():
    assert all(Scope.SEND not in grants for grants in ROLE_GRANTS.values())
