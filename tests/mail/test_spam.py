"""A score is the sum of reasons that are told."""

import pytest

from multimail.core.findings import Finding
from multimail.core.spam import Reason, sum_up
from multimail.mail.authenticate import Auth, Verdict
from multimail.mail.parse import parse
from multimail.mail.spam import GTUBE, ask_lists, weigh
from tests.support.names import BROKEN, Names

HEAD = (
    "From: Ann <ann@a.example>\nTo: me@our.example\nDate: Mon, 2 Nov 2026 10:00:00 +0100\n"
    "Message-ID: <1@a.example>\n"
)


def auth(verdict: Verdict = "pass") -> Auth:
    return Auth("pass", "none", "pass", "none", verdict, "a.example", ("because",))


def rules(
    raw: str, *, verdict: Verdict = "pass", findings: tuple[Finding, ...] = (), known: bool = False
) -> set[str]:
    message = parse(raw.encode())
    return {
        one.rule for one in weigh(message, auth(verdict), findings, known=known, recipient="me@our.example")
    }


def test_an_ordinary_mail_has_nothing_against_it() -> None:
    message = parse(f"{HEAD}Subject: Lunch\n\nOn Friday?".encode())
    spam = sum_up(weigh(message, auth(), (), known=False, recipient="me@our.example"))
    assert (spam.verdict, spam.score) == ("clean", -0.5)
    known = sum_up(weigh(message, auth(), (), known=True, recipient="me@our.example"))
    assert known.score == -4.5


@pytest.mark.parametrize(
    ("raw", "rule"),
    [
        (f"{HEAD}\n{GTUBE}", "gtube"),
        (f"{HEAD}Subject: THE LAST REMINDER\n\nx", "subject_in_capitals"),
        (HEAD.replace("me@our", "you@our") + "\nx", "not_addressed"),
        (HEAD.replace("Date", "X-Date") + "\nx", "no_date"),
        (HEAD.replace("Message-ID", "X-Id") + "\nx", "no_message_id"),
        (HEAD.replace("From: Ann <ann@a.example>", "From: Ann") + "\nx", "no_sender"),
        (
            HEAD.replace("From: Ann <ann@a.example>", "From: a@a.example, b@b.example") + "\nx",
            "several_authors",
        ),
        (f'{HEAD}Content-Type: application/x; name="invoice.pdf.exe"\n\nx', "program"),
        (f"{HEAD}\nhttp://192.0.2.7/x", "link_to_address"),
        (f"{HEAD}\nhttps://bit.ly/x", "short_link"),
        (
            f"{HEAD}Content-Type: text/html\n\n<a href=https://x.example><img src=p></a>",
            "picture_alone",
        ),
        (f"{HEAD}Content-Type: text/plain; charset=utf-8\n\na\U000e0041\U000e0042", "tag_characters"),
    ],
)
def test_content(raw: str, rule: str) -> None:
    assert rule in rules(raw) and rule not in rules(f"{HEAD}Subject: Lunch\n\nOn Friday?")


def test_forged_mail_of_a_lookalike_is_flagged_and_quarantined_with_more() -> None:
    lookalike = Finding("lookalike_domain", "a looks like b")
    message = parse(f"{HEAD}Subject: Your invoice\n\nPay here: http://192.0.2.7/x".encode())
    reasons = weigh(message, auth("fail"), (lookalike,), known=True, recipient="me@our.example")
    assert "known_sender" not in {one.rule for one in reasons}
    assert sum_up(reasons).verdict == "flagged"
    assert sum_up([*reasons, Reason("dns_list", 3.0, "listed")]).verdict == "quarantined"
    assert sum_up(reasons).reasons[0].rule == "auth_fail"


async def test_dns_lists() -> None:
    names = Names(
        {
            ("1.2.0.192.zen.example", "A"): ["127.0.0.4"],
            ("9.9.9.9.zen.example", "A"): ["127.0.0.4"],
            ("9.9.9.9.refused.example", "A"): ["127.255.255.254"],
            ("9.9.9.9.odd.example", "A"): ["192.0.2.1"],
            ("9.9.9.9.broken.example", "A"): BROKEN,
        }
    )
    zones = ("zen.example", "refused.example", "odd.example", "broken.example", "absent.example")
    (reason,) = await ask_lists(names, "9.9.9.9", zones)
    assert (reason.rule, reason.detail) == ("dns_list", "9.9.9.9 is listed by zen.example")
    names.asked.clear()
    assert await ask_lists(names, "192.0.2.1", zones) == []  # no public server
    assert await ask_lists(names, "local", zones) == [] and names.asked == []
    await ask_lists(names, "2606:4700::1111", ("zen.example",))
    assert names.asked[0][0] == "1.1.1.1" + ".0" * 20 + ".0.0.7.4.6.0.6.2.zen.example"
