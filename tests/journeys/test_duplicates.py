"""A sender that never heard our 250 sends the same bytes again; both may be read at the same moment."""

import asyncio

from tests.journeys.journey import letter, serving, smtp_send, until


async def test_the_same_message_sent_again_at_once_is_there_once(database_url, tmp_path):
    async with serving(tmp_path / "data", database=database_url) as product:
        letters = [letter(f"Again {n}", Message_ID=f"<again-{n}@far.test>") for n in range(20)]
        # The same Message-ID on other bytes is another message: an id alone must not hide mail.
        letters.append(letter("Again 0", "Other words.", Message_ID="<again-0@far.test>"))
        replies = await asyncio.gather(
            *(smtp_send(product.smtp_port, "ann@far.test", [product.address], raw) for raw in letters * 4)
        )
        assert {reply[:3] for reply in replies} == {"250"}

        async def understood():
            return not product.query("SELECT 1 AS one FROM intake")

        await until(understood, "all of it is read")
        found = await product.ok("GET", f"/v1/mailboxes/{product.mailbox}/inbox?limit=100")
        assert sorted(email["subject"] for email in found["emails"]) == sorted(
            [f"Again {n}" for n in range(20)] + ["Again 0"]
        )
