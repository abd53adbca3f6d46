"""MTA-STS records and policies, read (RFC 8461)."""

import pytest

from multimail.mail.mta_sts import MAX_AGE, MAX_POLICY, Policy, PolicyError, read_policy, read_record

GOOD = b"version: STSv1\r\nmode: enforce\r\nmx: mail.b.example\r\nmx: *.b.example\r\nmax_age: 604800\r\n"


@pytest.mark.parametrize(
    ("records", "found"),
    [
        ([b"v=STSv1; id=20160831085700Z;"], "20160831085700Z"),
        ([b"v=STSv1;id=a"], "a"),
        ([b"v=STSv1 ; ext=1; id = a ; id=b"], "a"),
        ([b"other", b"v=STSv1; id=a"], "a"),
        ([b"v=STSv1; id=a", b"v=STSv1; id=b"], None),
        ([b"v=STSv1; id="], None),
        ([b"v=STSv1; id=a-b"], None),
        ([b"v=STSv1; id=" + b"a" * 33], None),
        ([b"v=STSv1"], None),
        ([b"v=STSv11; id=a"], None),
        ([b"id=a; v=STSv1"], None),
        ([b"\xff\x00"], None),
        ([], None),
    ],
)
def test_the_id_of_a_record(records, found):
    assert read_record(records) == found


@pytest.mark.parametrize(
    ("body", "policy"),
    [
        (GOOD, Policy("enforce", ("mail.b.example", "*.b.example"), 604_800)),
        (GOOD.replace(b"\r\n", b"\n"), Policy("enforce", ("mail.b.example", "*.b.example"), 604_800)),
        (GOOD + b"mode: none\nmax_age: 5\nmx: C.example.\n",
         Policy("enforce", ("mail.b.example", "*.b.example", "c.example"), 604_800)),
        (GOOD + b"later_key: x\n\n", Policy("enforce", ("mail.b.example", "*.b.example"), 604_800)),
        (b"version:STSv1\nmode:testing\nmx:b\xc3\xbc.example\nmax_age:0", Policy("testing", ("xn--b-eha.example",), 0)),
        (b"version: STSv1\nmode: none\nmax_age: 86400\n", Policy("none", (), 86_400)),
        (b"version: STSv1\nmode: none\nmax_age: 9999999999\n", Policy("none", (), MAX_AGE)),
    ],
)  # fmt: skip
def test_policies(body, policy):
    assert read_policy(body) == policy


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>",
        GOOD.replace(b"STSv1", b"STSv2"),
        GOOD.replace(b"enforce", b"strict"),
        GOOD.replace(b"max_age", b"min_age"),
        GOOD.replace(b"604800", b"-1"),
        GOOD.replace(b"604800", b"1" * 11),
        GOOD.replace(b"mx", b"nx"),
        GOOD.replace(b"*.b", b"b.*"),
        GOOD.replace(b"mail.b.example", b"mail b"),
        GOOD + b"\n" * MAX_POLICY,
        bytes(range(256)),
    ],
)
def test_what_says_nothing_usable(body):
    with pytest.raises(PolicyError):
        read_policy(body)


def test_which_hosts_a_policy_allows():
    policy = read_policy(GOOD.replace(b"mail.b", b"mail.c"))
    hosts = "mail.c.example MX.b.Example. a.mx.b.example b.example c.example example".split()
    assert [host for host in [*hosts, ""] if policy.allows(host)] == hosts[:2]
