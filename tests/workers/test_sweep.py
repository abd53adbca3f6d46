"""The sweeper takes what has expired, and nothing that still counts."""

from dataclasses import replace

from multimail.core.times import DAY, HOUR
from multimail.operations.idempotency import LIFE
from multimail.workers.sweep import sweep


def rows(tx, now):
    """One row each of a kind: (age, what is left of its life)."""
    for name, created_at in (("old", now - LIFE - HOUR), ("new", now - HOUR)):
        key = {"account_id": "acc", "operation": "send_email", "test": False, "idempotency_key": name}
        tx.sql.add_idempotent(**key, fingerprint="f", created_at=created_at)
    for name, expires_at in (("old", now - 2 * DAY), ("new", now + HOUR)):
        tx.sql.add_operator_token(
            hash=name,
            account_id="acc",
            operator_id="o",
            token_id=name,
            purpose="session",
            created_at=now,
            expires_at=expires_at,
        )


async def test_what_has_expired_goes_and_the_rest_stays(world):
    services, now = world.services, world.services.clock()
    await services.db.write(lambda tx: rows(tx, now))
    await services.db.write(lambda tx: sweep(replace(services, clock=lambda: now), tx))

    def left(tx):
        key = {"account_id": "acc", "operation": "send_email", "test": False}
        kept = [n for n in ("old", "new") if tx.sql.get_idempotent(**key, idempotency_key=n)]
        tokens = [n for n in ("old", "new") if tx.sql.get_operator_token(hash=n, purpose="session", now=0)]
        return kept, tokens

    assert await services.db.read(left) == (["new"], ["new"])
