from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from multimail.mail.quoting import (
    QUOTE_CLOSE,
    QUOTE_OPEN,
    SIGNATURE_CLOSE,
    SIGNATURE_OPEN,
    split,
    without_marks,
)

REPLIES = Path(__file__).parents[3] / "shared" / "data" / "replies"

ATTRIBUTIONS = {
    "en": "On Mon, Nov 3, 2025 at 10:00 AM Bob <b@x.org> wrote:",
    "en, no date": "Bob <b@x.org> wrote:",
    "en, outlook mac": 'On 03/11/2025, 10:00, "Bob" <b@x.org> wrote:',
    "de": "Am Mo., 3. Nov. 2025 um 10:00 Uhr schrieb Bob <b@x.org>:",
    "fr": "Le lun. 3 nov. 2025 à 10:00, Bob <b@x.org> a écrit :",
    "es": "El lun, 3 nov 2025 a las 10:00, Bob (<b@x.org>) escribió:",
    "it": "Il giorno lun 3 nov 2025 alle ore 10:00 Bob <b@x.org> ha scritto:",
    "nl": "Op ma 3 nov 2025 om 10:00 schreef Bob <b@x.org>:",
    "pt": "Em seg., 3 de nov. de 2025 às 10:00, Bob <b@x.org> escreveu:",
    "pl": "pon., 3 lis 2025 o 10:00 Bob <b@x.org> napisał(a):",
    "ru": "пн, 3 нояб. 2025 г. в 10:00, Bob <b@x.org>:",
    "sv": "Den mån 3 nov. 2025 kl 10:00 skrev Bob <b@x.org>:",
    "da": "Den man. 3. nov. 2025 kl. 10.00 skrev Bob <b@x.org>:",
    "nb": "man. 3. nov. 2025 kl. 10:00 skrev Bob <b@x.org>:",
    "fi": "ma 3. marrask. 2025 klo 10.00 Bob (b@x.org) kirjoitti:",
    "cs": "po 3. 11. 2025 v 10:00 odesílatel Bob <b@x.org> napsal:",
    "tr": "Bob <b@x.org>, 3 Kas 2025 Pzt, 10:00 tarihinde şunu yazdı:",
    "hu": '2013.02.08. 7:31 keltezéssel, "Bob" írta:',
    "ja": "2025年11月3日(月) 10:00 Bob <b@x.org>:",
    "zh": "Bob <b@x.org> 于2025年11月3日周一 10:00写道：",
    "ko": "2025년 11월 3일 (월) 오전 10:00, Bob <b@x.org>님이 작성:",
    "zoho": "---- On Mon, 03 Nov 2025 10:00:00 +0100 Bob <b@x.org> wrote ----",
}

HEADER_BLOCKS = [
    "-----Original Message-----\nFrom: Bob\nSent: Monday\nTo: me\nSubject: x",
    "________________________________\nFrom: Bob\nSent: Monday\nTo: me\nSubject: x",
    "Von: Bob\nGesendet: Montag\nAn: me\nBetreff: x",
    "De : Bob\nEnvoyé : lundi\nÀ : me\nObjet : x",
    "De: Bob\nEnviado el: lunes\nPara: me\nAsunto: x",
    "Da: Bob\nInviato: lunedì\nA: me\nOggetto: x",
    "Van: Bob\nVerzonden: maandag\nAan: me\nOnderwerp: x",
    "От: Bob\nОтправлено: понедельник\nКому: me\nТема: x",
    "发件人: Bob\n发送时间: 2025\n收件人: me\n主题: x",
    "*From:* Bob\n*Sent:* Monday\n*To:* me\n*Subject:* x",
    "-----Ursprüngliche Nachricht-----\nhallo",
    "---------- Forwarded message ---------\nFrom: Bob",
    "Begin forwarded message:\n\nFrom: Bob",
]


@pytest.mark.parametrize("line", ATTRIBUTIONS.values(), ids=list(ATTRIBUTIONS))
def test_attribution_with_quote(line: str) -> None:
    cut = split(f"New words.\n\n{line}\n\n> old\n> older\n")
    assert (cut.new, cut.signature) == ("New words.", "")
    assert cut.quoted == f"{line}\n\n> old\n> older"


@pytest.mark.parametrize("line", ATTRIBUTIONS.values(), ids=list(ATTRIBUTIONS))
def test_attribution_without_marks_quotes_the_rest(line: str) -> None:
    cut = split(f"New words.\n\n{line}\n\nold\n\nolder")
    assert cut.new == "New words."
    assert cut.quoted == f"{line}\n\nold\n\nolder"


@pytest.mark.parametrize(
    "line",
    [
        "On Mon, Nov 3, 2025 at 10:00 AM Bob <\nb@x.org> wrote:",
        "Le lun. 3 nov. 2025 à 10:00, Bob <b@x.org> a\nécrit :",
        "On Dec 16, 2011, at 12:47 PM, Bob\n<b@x.org>\nwrote:",
    ],
)
def test_attribution_over_several_lines(line: str) -> None:
    assert split(f"New.\n\n{line}\n\n> old").new == "New."


@pytest.mark.parametrize("block", HEADER_BLOCKS)
def test_header_blocks_quote_the_rest(block: str) -> None:
    cut = split(f"New words.\n\n{block}\n\nold")
    assert cut.new == "New words."
    assert cut.quoted == f"{block}\n\nold"


@pytest.mark.parametrize(
    "text",
    [
        "I told him at 10:00 and he wrote:\n\nno way",
        "On the other hand, we wrote:\n\nnothing",
        "Dear all, the meeting is on 3 Nov at 10:30:\n\nroom 5",
        "From: is a word I like.\n\nTo: as well.",
        "The list:\n- one\n- two\n\n---\n\nEnd.",
        "Sent from my desk, is much easier then my mobile phone.",
    ],
)
def test_ordinary_words_stay_new(text: str) -> None:
    assert split(text).new == text


def test_interleaved_answers_stay_new() -> None:
    cut = split("On Mon, Nov 3, 2025 Bob <b@x.org> wrote:\n> one?\n\nYes.\n\n> two?\nNo.\n")
    assert cut.new == "Yes.\n\nNo."
    assert "> one?" in cut.quoted and "> two?" in cut.quoted


def test_a_forward_without_own_words_is_new() -> None:
    text = "---------- Forwarded message ---------\nFrom: Bob <b@x.org>\n\ncontent"
    assert split(text).new == text
    cut = split("FYI\n\n" + text)
    assert (cut.new, cut.quoted) == ("FYI", text)


@pytest.mark.parametrize(
    "signature",
    ["-- \nRick\nCEO", "--\nRick", "—\nRick", "Sent from my iPhone", "Von meinem iPhone gesendet",
     "Envoyé de mon iPad", "Get Outlook for iOS<https://aka.ms/x>", "iPhoneから送信", "发自我的iPhone"],
)  # fmt: skip
def test_signatures(signature: str) -> None:
    cut = split(f"New.\n\n{signature}\n\nOn Nov 3, 2025, Bob <b@x.org> wrote:\n> old")
    assert cut.new == "New."
    assert cut.signature.split() == signature.split()
    assert cut.quoted.endswith("> old")


def test_marks_of_the_html_reader() -> None:
    signed = f"{SIGNATURE_OPEN}\n\nme\n\n{SIGNATURE_CLOSE}"
    text = f"a\n\n{signed}\n\n{QUOTE_OPEN}\n\nold\n\n{QUOTE_CLOSE}\n\nb\n\n> c"
    cut = split(text, rich=True)
    assert (cut.new, cut.quoted, cut.signature) == ("a\n\nb", "old\n\n> c", "me")
    assert split("> my emphasis", rich=True).new == "> my emphasis"


@given(st.text(alphabet=">-:\n\t a1@<>*" + QUOTE_OPEN + QUOTE_CLOSE + SIGNATURE_OPEN), st.booleans())
def test_no_line_is_lost(text: str, rich: bool) -> None:
    cut = split(text, rich=rich)
    together = cut.new + cut.quoted + cut.signature
    for character in "a1@:":
        assert together.count(character) == text.count(character)


def test_marks_in_a_mail_are_taken_out() -> None:
    assert without_marks(f"a{QUOTE_OPEN}b{SIGNATURE_CLOSE}c é") == "abc é"


PARAGRAPH_END = "Fusce sed odio id arcu varius aliquet nec nec nibh."
WHOLE = [
    "email_tricky_1_on_false_positive.txt", "email_tricky_2_url_with_wrote.txt",
    "email_tricky_4_from_in_body.txt", "email_tricky_6_regards_in_sentence.txt",
    "email_tricky_8_sent_from_in_content.txt", "email_sent_from_my_not_signature.txt",
    "email_not_a_signature.txt", "email_21.txt",
]  # fmt: skip


@pytest.mark.skipif(not REPLIES.is_dir(), reason="the shared collection of replies is not here")
def test_the_collection_of_replies() -> None:
    """Every reply of the collection that begins with its standard paragraph has exactly that as new words.

    The collection's own tests expect that; all of them (100 %) are required, and the mails that
    only look like replies must stay whole.
    """
    standard = [path for path in sorted(REPLIES.glob("email_*.txt")) if path.read_text().startswith("Fusce")]
    wrong = []
    for path in standard:
        text = path.read_text(encoding="utf-8")
        paragraph = text[: text.index(PARAGRAPH_END) + len(PARAGRAPH_END)]
        if split(text).new != paragraph:
            wrong.append(path.name)
    assert len(standard) > 15
    assert wrong == []
    for name in WHOLE:
        cut = split((REPLIES / name).read_text(encoding="utf-8"))
        assert (cut.quoted, cut.signature) == ("", ""), name
