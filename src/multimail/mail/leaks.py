"""What should perhaps not leave: secrets, personal data, pictures and links that tell on the reader, other people's
words. Patterns alone: the same text gives the same findings, each with its place. None repeats the secret.
"""

import base64
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final
from urllib.parse import parse_qsl, urlsplit

from multimail.core.findings import Finding, Place

KINDS: Final = ("secret", "personal_data", "remote_image", "tracking_link", "foreign_quote")
MAX_FINDINGS: Final = 50
MAX_TEXT: Final = 300_000  # characters of each part: a body has 256 KiB
MAX_FILE: Final = 1024 * 1024  # octets of a file that is text
OPAQUE: Final = 64  # letters and digits in one value of a link that only a machine can read
SHORT_QUOTE: Final = 25  # characters of a quoted line that anybody may have written

# what it looks like → how it is written. Prefixes are those that the issuers chose so that scanners find them.
_SECRETS: Final = {
    "a private key": r"-----BEGIN (?:[A-Z0-9]{1,12} ){0,3}PRIVATE KEY(?: BLOCK)?-----",
    "an AWS access key": r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b",
    "a GitHub token": r"\b(?:gh[pousr]_[A-Za-z0-9]{36,255}|github_pat_[A-Za-z0-9_]{36,255})\b",
    "a GitLab token": r"\bglpat-[A-Za-z0-9_-]{20,64}",
    "a Slack token": r"\bxox[abeoprs]-[A-Za-z0-9-]{10,250}",
    "a Slack webhook": r"https://hooks\.slack\.com/services/[A-Z0-9/]{10,40}[A-Za-z0-9]{10,40}",
    "a Stripe key": r"\b[rs]k_(?:live|test)_[A-Za-z0-9]{16,255}\b",
    "an Anthropic key": r"\bsk-ant-[A-Za-z0-9_-]{20,255}",
    "an OpenAI key": r"\bsk-(?:proj-|svcacct-)?[A-Za-z0-9_-]{32,255}",
    "a Google API key": r"\bAIza[A-Za-z0-9_-]{35}(?![A-Za-z0-9_-])",
    "a Google client secret": r"\bGOCSPX-[A-Za-z0-9_-]{28}",
    "a SendGrid key": r"\bSG\.[A-Za-z0-9_-]{16,32}\.[A-Za-z0-9_-]{32,64}",
    "an npm token": r"\bnpm_[A-Za-z0-9]{36}\b",
    "a PyPI token": r"\bpypi-AgE[A-Za-z0-9_-]{50,255}",
    "a Hugging Face token": r"\bhf_[A-Za-z0-9]{30,64}\b",
    "a Telegram bot token": r"\b\d{8,10}:AA[A-Za-z0-9_-]{33}(?![A-Za-z0-9_-])",
    "a MultiMail key": r"\bmm_(?:live|test)_[A-Za-z0-9]{16,128}\b",
    "a webhook secret": r"\bwhsec_[A-Za-z0-9+/=]{24,128}",
    "a JSON web token": r"\beyJ[A-Za-z0-9_-]{10,2000}\.eyJ[A-Za-z0-9_-]{10,4000}\.[A-Za-z0-9_-]{10,1000}",
    "an Azure account key": r"\bAccountKey=[A-Za-z0-9+/]{60,100}={0,2}",
    "a password in a URL": r"\b[a-z][a-z0-9+.-]{1,20}://[^\s/:@\"'<>]{1,64}:[^\s/:@\"'<>]{3,128}@[A-Za-z0-9.-]{1,253}",
    "a password": (
        r"(?i:\b(?:password|passwd|passphrase|passwort|contraseña|mot de passe|client[_-]?secret|api[_-]?key"
        r"|secret[_-]?key|access[_-]?token)\b[\"'`]?[ \t]{0,3}(?:[:=]|\bis\b:?)[ \t]{0,3})[\"'`]?"
        r"(?=[^\s\"'`]{0,63}[0-9])(?=[^\s\"'`]{0,63}[A-Za-z])[^\s\"'`]{8,128}"
    ),
}
_CARD: Final = r"(?<![\w.-])\d(?:[ -]?\d){12,18}(?![\w-])"
_IBAN: Final = r"\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?\b"
_PERSONAL: Final = {
    "a US social security number": r"(?<![\d-])(?!000|666|9\d\d)\d{3}-(?!00)\d\d-(?!0000)\d{4}(?![\d-])",
    "a UK national insurance number": r"\b[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z] ?\d\d ?\d\d ?\d\d ?[A-D]\b",
}


def _compiled(patterns: dict[str, str]) -> tuple[tuple[str, re.Pattern[str]], ...]:
    return tuple((what, re.compile(pattern)) for what, pattern in patterns.items())


_SECRET_PATTERNS: Final = _compiled(_SECRETS)
_PERSONAL_PATTERNS: Final = _compiled(_PERSONAL)
# Most mail has none of what a secret begins with or stands after: one look tells.
_ANY_SECRET: Final = re.compile(
    r"-----BEGIN|AKIA|ASIA|gh[pousr]_|github_pat_|glpat-|xox[abeoprs]-|hooks\.slack|k_live_|k_test_|sk-|AIza|GOCSPX"
    r"|SG\.|npm_|pypi-|hf_|:AA|mm_live_|mm_test_|whsec_|eyJ|AccountKey|://[^\s/@]{1,200}@"
    r"|(?i:passw|passphrase|contrase|mot de passe|secret|api[_-]?key|token)"
)
_TWO_DIGITS: Final = re.compile(r"\d\D?\d")
_CARD_PATTERN, _IBAN_PATTERN = re.compile(_CARD), re.compile(_IBAN)
_IMAGE: Final = re.compile(
    r"!\[[^\]\n]{0,500}\]\(\s{0,5}<?((?:https?:)?//[^\s)>]{1,2000})|<img\b[^>]{0,2000}?\bsrc\s{0,5}=\s{0,5}[\"']?"
    r"((?:https?:)?//[^\s\"'>]{1,2000})|url\(\s{0,5}[\"']?((?:https?:)?//[^\s\"')]{1,2000})",
    re.IGNORECASE,
)
_URL: Final = re.compile(r"https?://[^\s<>\"'()\[\]]{1,4000}", re.IGNORECASE)
_TRACKERS: Final = re.compile(r"utm_[a-z]{1,20}|mc_[ce]id|fbclid|gclid|msclkid|_hsenc|_hsmi|vero_id|mkt_tok")
_QUOTED: Final = re.compile(r"^[ \t]{0,3}>[> \t]{0,20}([^\n]{1,2000})", re.MULTILINE)
_WORDS_ONLY: Final = re.compile(r"\W+")


def find_leaks(
    texts: Sequence[tuple[str, str]],
    files: Iterable[tuple[str, str, bytes]],
    recipients: Sequence[str],
    quotable: str | None,
) -> tuple[Finding, ...]:
    """`texts` are (part, text), `files` (name, media type, content); `quotable` is what it may quote, None
    where nobody knows.

    At most 50 findings, in the order of the texts. Linear in what is scanned, for any text.
    """
    found: list[Finding] = []
    for part, text in texts:
        found += _of_text(part, text[:MAX_TEXT])
        found += _of_links(part, text[:MAX_TEXT], recipients)
    if texts and quotable is not None:
        found += _of_quotes(*texts[-1], quotable)
    for name, kind, content in files:
        if kind.startswith("text/") or kind in (
            "application/json",
            "application/x-pem-file",
            "application/xml",
        ):
            found += _of_text(name, content[:MAX_FILE].decode("utf-8", "replace"))
        elif content.startswith(b"-----BEGIN"):
            found += _of_text(name, content[:4096].decode("ascii", "replace"))
    return tuple(found[:MAX_FINDINGS])


def place_of(part: str, text: str, start: int, end: int) -> Place:
    return Place(part, text.count("\n", 0, start) + 1, start, end)


def _of_text(part: str, text: str) -> list[Finding]:
    found: list[Finding] = []
    if _ANY_SECRET.search(text):
        found += _matches("secret", _SECRET_PATTERNS, part, text)
    if _TWO_DIGITS.search(text):
        found += _matches("personal_data", _PERSONAL_PATTERNS, part, text)
        found += _checked("a payment card", _CARD_PATTERN, _luhn, part, text)
        found += _checked("a bank account (IBAN)", _IBAN_PATTERN, _mod_97, part, text)
    return sorted(found, key=lambda one: one.place.start if one.place else 0)


def _matches(
    kind: str, patterns: Iterable[tuple[str, re.Pattern[str]]], part: str, text: str
) -> Iterator[Finding]:
    taken: list[tuple[int, int]] = []
    for what, pattern in patterns:
        for match in pattern.finditer(text):
            if len(taken) >= MAX_FINDINGS:
                return
            if any(start < match.end() and match.start() < end for start, end in taken):
                continue  # told already as something more exact
            taken.append(match.span())
            yield Finding(kind, f"{what}: {_masked(match[0])}", place_of(part, text, *match.span()))


def _checked(
    what: str, pattern: re.Pattern[str], holds: Callable[[str], bool], part: str, text: str
) -> Iterator[Finding]:
    for number, match in enumerate(pattern.finditer(text)):
        if number >= 10 * MAX_FINDINGS:
            return
        if holds(re.sub(r"[ -]", "", match[0])):
            yield Finding(
                "personal_data", f"{what}: {_masked(match[0])}", place_of(part, text, *match.span())
            )


def _masked(secret: str) -> str:
    return f"{secret[:4]}… ({len(secret)} characters)"


def _luhn(digits: str) -> bool:
    """ISO/IEC 7812-1; and the first digit is one that cards of banks have."""
    doubled = [int(digit) * (1 + position % 2) for position, digit in enumerate(reversed(digits))]
    like_a_card = digits[0] in "23456" and len(digits) in (13, 14, 15, 16, 19) and len(set(digits)) > 1
    return like_a_card and sum(sum(divmod(one, 10)) for one in doubled) % 10 == 0


def _mod_97(iban: str) -> bool:
    """ISO 13616."""
    return (
        15 <= len(iban) <= 34 and int("".join(str(int(sign, 36)) for sign in iban[4:] + iban[:4])) % 97 == 1
    )


def _of_links(part: str, text: str, recipients: Sequence[str]) -> Iterator[Finding]:
    if "//" not in text:
        return
    images = set()
    for number, match in enumerate(_IMAGE.finditer(text)):
        if number >= MAX_FINDINGS:
            break
        url = match[1] or match[2] or match[3]
        images.add(match.start(match.lastindex or 0))
        detail = f"a picture is loaded from {_host(url)} when the email is read"
        yield Finding("remote_image", detail, place_of(part, text, *match.span()))
    marks = {form for address in recipients for form in _forms(address)}
    for number, match in enumerate(_URL.finditer(text)):
        if number >= 500:
            return
        why = _tells(match[0], marks) if match.start() not in images else ""
        if why:
            detail = f"a link to {_host(match[0])} {why}"
            yield Finding("tracking_link", detail, place_of(part, text, *match.span()))


def _forms(address: str) -> Iterator[str]:
    """How a link may name who follows it."""
    yield address.lower()
    yield address.lower().replace("@", "%40")
    yield base64.urlsafe_b64encode(address.lower().encode("utf-8", "replace")).decode().rstrip("=").lower()


def _tells(url: str, marks: Iterable[str]) -> str:
    low = url.lower()
    if any(mark in low for mark in marks):
        return "names who follows it"
    try:
        values = parse_qsl(urlsplit(url).query, max_num_fields=100)
    except ValueError:
        return ""
    if any(_TRACKERS.fullmatch(name) for name, _ in values):
        return "counts who follows it"
    if any(len(value) >= OPAQUE and re.fullmatch(r"[\w+/=.%-]+", value) for _, value in values):
        return "carries data that no person can read"
    return ""


def _host(url: str) -> str:
    try:
        return (urlsplit(url).hostname or "")[:253]
    except ValueError:
        return "an address that can't be read"


def _of_quotes(part: str, text: str, quotable: str) -> Iterator[Finding]:
    """Quoted lines that are not in what is answered: they are of another conversation, or invented."""
    if ">" not in text:
        return
    known = _WORDS_ONLY.sub("", quotable).casefold()
    for match in _QUOTED.finditer(text[:MAX_TEXT]):
        line = _WORDS_ONLY.sub("", match[1]).casefold()
        if len(line) >= SHORT_QUOTE and line not in known:
            detail = "it quotes what the email that it answers does not say"
            yield Finding("foreign_quote", detail, place_of(part, text, *match.span()))
            return
