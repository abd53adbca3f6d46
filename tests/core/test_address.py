import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from multimail.core import address as address_module
from multimail.core.address import (
    Address,
    AddressError,
    ascii_domain,
    format_address,
    normalise,
    parse_address,
    parse_address_list,
)


@pytest.mark.parametrize(
    ("text", "name", "address"),
    [
        ("a@b.example", "", "a@b.example"),
        ("Ada Lovelace <ada@Example.ORG>", "Ada Lovelace", "ada@example.org"),
        ('"Lovelace, Ada" <ada@example.org>', "Lovelace, Ada", "ada@example.org"),
        ("John Q. Public <j.q@example.org>", "John Q. Public", "j.q@example.org"),
        ("Ada (the (first)) <ada@example.org> (yes)", "Ada", "ada@example.org"),
        (r'"a \"b\" \\ c" <a@b.example>', 'a "b" \\ c', "a@b.example"),
        ('"john doe"@example.org', "", '"john doe"@example.org'),
        ('"john"@example.org', "", "john@example.org"),
        ("Jürgen <jürgen@MÜNCHEN.example>", "Jürgen", "jürgen@münchen.example"),
        ("<a+b@xn--mnchen-3ya.example>", "", "a+b@xn--mnchen-3ya.example"),
        ("Team: a@b.example;", "", "a@b.example"),
    ],
)
def test_one_address(text, name, address):
    assert parse_address(text) == Address(name, address)


def test_a_list_with_groups_comments_and_empty_elements():
    text = 'a@b.example,, Team: "C, D" <c@d.example>, e@f.example; , (x, y) g@h.example,'
    assert [a.address for a in parse_address_list(text)] == [
        "a@b.example", "c@d.example", "e@f.example", "g@h.example",
    ]  # fmt: skip


@pytest.mark.parametrize("text", ["", "  ", ",", "undisclosed-recipients:;", "(nobody)"])
def test_nobody(text):
    assert parse_address_list(text) == ()


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("a@b.example\r\nBcc: x@y.example", "control character U\\+000D"),
        ("a\0@b.example", "control character U\\+0000"),
        ("a\ud800@b.example", "control character"),
        ("a" * 65 + "@b.example", "longer than 64 octets"),
        ("ü" * 33 + "@b.example", "longer than 64 octets"),
        ("a@" + ".".join(["b" * 62] * 4) + ".example", "longer than 25[34] octets"),
        ("a@" + "b" * 64 + ".example", "longer than 63 octets"),
        ("a@" + "ü" * 62 + ".example", "longer than 63 octets"),
        ("a..b@c.example", "misplaced dot"),
        (".a@c.example", "misplaced dot"),
        ("a\u200b@c.example", "invisible"),
        ("a\u00a0b@c.example", "invisible"),
        ("a b@c.example", "space in the local part"),
        ("a@b c@d.example", "something after the address"),
        ("a@b.example c@d.example", "something after the address"),
        ("a@b@c.example", "something after the address"),
        ("<a@b.example> <c@d.example>", "comma is missing"),
        ("<@hop.example:a@b.example>", "source routes"),
        ("a@[127.0.0.1]", "literal"),
        ("a@127.0.0.1", "not a domain name"),
        ("a@-b.example", "not a label"),
        ("a@b..example", "not a label"),
        ("a@b.example.", "not a label"),
        ("a@b!c.example", "not a label"),
        ("a@b\uff0ec.example", "not a label"),
        ("a@b\u2024c.example", "not a label"),
        ("a@", "no domain"),
        ("@b.example", "nothing before the @"),
        ("a", "has no @"),
        ("<>", "between the angle brackets"),
        ("<a@b.example", "not closed"),
        ("a@b.example>", "never opened"),
        ('"a@b.example', "quotation mark"),
        ("(a@b.example", "parenthesis"),
        (")a@b.example", "quotation marks"),
        ("a: b@c.example", "semicolon"),
        ("a: b: c@d.example;;", "another group"),
    ],
)
def test_refusals_say_what_is_wrong(text, why):
    with pytest.raises(AddressError, match=why):
        parse_address_list(text)


@pytest.mark.parametrize("text", ["", "a@b.example, c@d.example"])
def test_exactly_one_address_is_wanted(text):
    with pytest.raises(AddressError, match="no address|more than one"):
        parse_address(text)


def test_twenty_thousand_addresses():
    found = parse_address_list(", ".join(f'"Name, {i}" <user{i}@host.example>' for i in range(20_000)))
    assert len(found) == 20_000 and found[-1] == Address("Name, 19999", "user19999@host.example")


HOSTILE = ["(" * 99_999, '"' + r"\\" * 99_999, "<" * 99_999, "a " * 99_999, "a:" * 99_999]


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_input_is_refused(text):
    with pytest.raises(AddressError) as refusal:
        parse_address_list(text)
    assert len(str(refusal.value)) < 300


@pytest.mark.parametrize(
    ("address", "wanted"),
    [
        ("Ada@Example.ORG", "ada@example.org"),
        ("JÜ@MÜNCHEN.example", "jü@xn--mnchen-3ya.example"),
        ("jo\u0308@x.example", "jö@x.example"),
        ("a@XN--MNCHEN-3YA.example", "a@xn--mnchen-3ya.example"),
        ("a@faß.example", "a@xn--fa-hia.example"),
    ],
)
def test_comparison_form(address, wanted):
    assert normalise(address) == wanted
    assert normalise(wanted) == wanted


def test_the_comparison_form_needs_an_address():
    for text in ("nobody", "@b.example", "a@"):
        with pytest.raises(AddressError):
            normalise(text)


def test_a_domain_that_is_too_long_in_a_labels():
    with pytest.raises(AddressError, match="253"):
        ascii_domain(".".join(["ü" * 50] * 5))


PLAIN = st.text('aZ09_+-.@ <>"ü\n', max_size=12)
LABELS = st.text("aZ0-_.", max_size=8) | st.sampled_from(["b" * 63, "b" * 64, "1", "-", "xn--a", "example"])


def outcome(text):
    try:
        return parse_address_list(text)
    except AddressError as error:
        return str(error)


@given(
    st.sampled_from(["", "", "a <", "a b1 <", "a  b <", " a <", "a<", "<", "a. <", "ü <", "a\t<"]),
    PLAIN | st.sampled_from(["a" * 64, "a" * 65, "a.b", ".a", "a."]),
    st.lists(LABELS, max_size=5).map(".".join),
    st.sampled_from(["", "", ">", ">>", "> "]),
)
@example("", "a" * 64, ".".join(["b" * 60] * 3) + ".abcdef", "")
@example("", "a" * 64, ".".join(["b" * 60] * 3) + ".abcdefg", "")
@example("", "a" * 65, "b.example", "")
@example("", "a", "b.example\n", "")
@example("", "a", "b-.example", "")
@example("", "a", "b.example-", "")
@example("", "a", "B.Example", "")
@example("a B <", "a", "B.Example", ">")
@example("a  B <", "a", "B.Example", ">")
@example("a B <", "a", "B.Example", "")
@example("", "a", "B.Example", ">")
def test_the_short_way_reads_what_the_long_way_reads(start, local, domain, end):
    text = f"{start}{local}@{domain}{end}"
    short = outcome(text)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(address_module, "_plain_mailbox", lambda text: None)
        assert outcome(text) == short


def test_an_ordinary_address_takes_the_short_way(monkeypatch):
    monkeypatch.setattr(address_module, "_tokens", None)
    assert parse_address_list("First.Last+tag@Mail-1.Example.ORG") == (
        Address("", "First.Last+tag@mail-1.example.org"),
    )
    assert parse_address("Ada Lovelace <ada@Example.ORG>") == Address("Ada Lovelace", "ada@example.org")


letters = st.characters(categories=["L", "N", "P", "S"], exclude_characters="@")
local_parts = st.text(letters, min_size=1, max_size=12)
domains = st.sampled_from(["example.org", "münchen.example", "xn--mnchen-3ya.example", "例え.example"])
names = st.text(st.characters(exclude_categories=["Cc", "Cs", "Zl", "Zp"]), max_size=30)


def quoted(local):
    return '"' + local.replace("\\", "\\\\").replace('"', '\\"') + '"'


@given(names, local_parts, domains)
def test_what_is_formatted_reads_back(name, local, domain):
    address = Address(name, parse_address(f"{quoted(local)}@{domain}").address)
    assert parse_address(format_address(address)) == address
    assert parse_address_list(f"{format_address(address)}, x@y.example")[0] == address


@given(local_parts, domains)
def test_the_comparison_form_is_idempotent_and_blind_to_case(local, domain):
    address = parse_address(f"{quoted(local)}@{domain}").address
    form = normalise(address)
    assert normalise(form) == form
    assert normalise(unicodedata.normalize("NFD", address)) == form


@given(st.text(max_size=60))
def test_any_text_is_read_or_refused(text):
    try:
        found = parse_address_list(text)
    except AddressError:
        return
    for address in found:
        assert address.local and address.domain
        assert not set(address.address) & set("\r\n\0")
        assert parse_address(address.address).address == address.address
