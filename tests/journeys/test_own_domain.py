"""A domain of one's own, from the claim to mail that a stranger's server finds aligned and signed twice."""

from multimail.mail import dkim_verify
from multimail.mail.signed_fields import Source
from multimail.operations.context import Caller
from multimail.operations.domains import VERIFY_DOMAIN
from multimail.operations.operation import invoke
from multimail.operations.operators import local_owner
from tests.journeys.journey import letter, smtp_send, until
from tests.support import dkim_oracle, mailroom
from tests.support.names import Names


async def verified(product, records):
    """As `multimail operator verify-domain` does it, on a DNS that has these records."""
    async with product.behind() as services:
        object.__setattr__(services, "dns", Names(records))
        owner = await services.db.read(local_owner)
        caller = Caller(owner, services.new_id("req"))
        return (await invoke(services, VERIFY_DOMAIN, {"domain_id": "brand.test"}, caller)).body


async def test_mail_at_a_domain_of_ones_own(product, sink):
    made = await product.ok("POST", "/v1/domains", {"domain": "Brand.test"}, key="admin")
    records = mailroom.published(made["records"])
    early = await product.call("POST", "/v1/mailboxes", {"address": "desk@brand.test"}, key="admin")
    assert (early.status, early.body["code"]) == (409, "domain_not_verified")
    assert (await smtp_send(product.smtp_port, "ann@far.test", ["desk@brand.test"], letter("?")))[:3] in (
        "550",
        "554",
    )
    assert (await verified(product, {}))["status"] == "pending"
    assert (await verified(product, records))["status"] == "verified"
    box = await product.ok("POST", "/v1/mailboxes", {"address": "desk@brand.test"}, key="admin")

    raw = letter("A question", Message_ID="<q@far.test>", To="Desk@Brand.test")
    assert (await smtp_send(product.smtp_port, "ann@far.test", ["Desk@BRAND.test"], raw)).startswith("250")

    async def came():
        found = (await product.ok("GET", f"/v1/mailboxes/{box['id']}/inbox"))["emails"]
        return found and found[0]

    question = await until(came, "the question")
    answer = {"email_id": question["id"], "markdown": "Five euros."}
    sent = await product.ok("POST", f"/v1/mailboxes/{box['id']}/reply/{question['id']}", answer)
    await product.decide(sent["id"])
    await product.becomes(sent["id"], "sent")
    (taken,) = sink.taken
    assert taken.message["From"] == "desk@brand.test"
    keys = {
        f"{name}.".encode(): value[0].encode() for (name, kind), value in records.items() if kind == "TXT"
    }
    assert [dkim_oracle.verifies(taken.raw, keys, number) for number in range(2)] == [True, True]
    assert not dkim_oracle.verifies(taken.raw.replace(b"Five", b"Nine"), keys)
    signatures = await dkim_verify.verify(
        Names(records), dkim_verify.read_signatures(Source(taken.raw), 2_000_000_000)
    )
    assert [(one.domain, one.result) for one in signatures] == [("brand.test", "pass")] * 2
    assert {one.selector.rpartition("-")[2] for one in signatures} == {"rsa", "ed25519"}

    # Without its proof it goes on for days; then it says why it does not.
    shown = await product.ok("GET", f"/v1/domains/{made['id']}", key="admin")
    assert shown["status"] == "verified" and {one["state"] for one in shown["records"]} == {"found"}
    refused = await product.call("DELETE", f"/v1/domains/{made['id']}", key="admin")
    assert (refused.status, refused.body["code"]) == (409, "domain_in_use")
