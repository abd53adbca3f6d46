"""Who may do what, and the separation of duties (contract §3). Everything here is data and pure functions."""

from enum import StrEnum
from typing import Final


class Scope(StrEnum):
    """What an operation needs. The first four are given to keys; the rest say who else may knock."""

    READ = "read"
    SEND = "send"
    OVERSIGHT = "oversight"
    ADMIN = "admin"
    PERSON = "person"  # whoever is signed in, viewers too: for what is theirs alone
    OPERATOR = "operator"  # a person who decides: a dashboard session or the server's own command line
    OWNER = "owner"  # a person who loosens, destroys, invites
    PUBLIC = "public"


class Role(StrEnum):
    OWNER = "owner"
    APPROVER = "approver"
    VIEWER = "viewer"


KEY_SCOPES: Final = (Scope.READ, Scope.SEND, Scope.OVERSIGHT, Scope.ADMIN)

ROLE_GRANTS: Final = {
    Role.OWNER: frozenset(
        {Scope.READ, Scope.PERSON, Scope.OVERSIGHT, Scope.ADMIN, Scope.OPERATOR, Scope.OWNER}
    ),
    Role.APPROVER: frozenset({Scope.READ, Scope.PERSON, Scope.OVERSIGHT, Scope.OPERATOR}),
    Role.VIEWER: frozenset({Scope.READ, Scope.PERSON}),
}

FORBIDDEN_TOGETHER: Final = (
    frozenset({Scope.SEND, Scope.OVERSIGHT}),
    frozenset({Scope.ADMIN, Scope.OVERSIGHT}),
)


def key_grants(scopes: frozenset[Scope]) -> frozenset[Scope]:
    """None implies another, except admin -> read."""
    return scopes | {Scope.READ} if Scope.ADMIN in scopes else scopes


def forbidden_combination(scopes: frozenset[Scope]) -> frozenset[Scope] | None:
    """The pair that no key may hold together, None if there is none: whoever can compose can't decide."""
    return next((pair for pair in FORBIDDEN_TOGETHER if pair <= scopes), None)


def allowed(grants: frozenset[Scope], needs: tuple[Scope, ...]) -> bool:
    """`needs` is an alternative: any one of them is enough."""
    return Scope.PUBLIC in needs or not grants.isdisjoint(needs)
