"""What should perhaps not leave: secrets, personal data, pictures and links that tell on the reader, other people's
words. Patterns alone: the same text gives the same findings, each with its place. None repeats the secret.
"""

import base64
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain, islice
from typing import Final
from urllib.parse import parse_qsl, urlsplit

from multimail.core.findings import Finding, Place

KINDS: Final = ("secret", "personal_data", "remote_image", "tracking_link", "foreign_quote")
MAX_FINDINGS: Final = 50
MAX_TEXT: Final = 300_000  # characters of each part: a body has 256 KiB
MAX_FILE: Final = 1024 * 1024  # octets of a file that is text
OPAQUE: Final = 64  # letters and digits in one value of a link that only a machine can read
SHORT_QUOTE: Final = 25  # characters of a quoted line that anybody may have written

_LOGIN: Final = r"://[^\s/:@\"'<>]{1,64}:[^\s/:@\"'<>]{3,128}@"
# what it looks like → what is in every text that has one, in small letters; how it is written. Prefixes are those
# that the issuers chose so that scanners find them.
_SECRETS: Final = {
    "a private key": ("-----begin", r"-----BEGIN (?:[A-Z0-9]{1,12} ){0,3}PRIVATE KEY(?: BLOCK)?-----"),
    "an AWS access key": ("akia asia", r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b"),
    "a GitHub token": (
        "ghp_ gho_ ghu_ ghs_ ghr_ github_pat_",
        r"\b(?:gh[pousr]_[A-Za-z0-9]{36,255}|github_pat_[A-Za-z0-9_]{36,255})\b",
    ),
    "a GitLab token": ("glpat-", r"\bglpat-[A-Za-z0-9_-]{20,64}"),
    "a Slack token": ("xox", r"\bxox[abeoprs]-[A-Za-z0-9-]{10,250}"),
    "a Slack webhook": (
        "hooks.slack.com",
        r"https://hooks\.slack\.com/services/[A-Z0-9/]{10,40}[A-Za-z0-9]{10,40}",
    ),
    "a Stripe key": ("k_live_ k_test_", r"\b[rs]k_(?:live|test)_[A-Za-z0-9]{16,255}\b"),
    "an Anthropic key": ("sk-ant-", r"\bsk-ant-[A-Za-z0-9_-]{20,255}"),
    "an OpenAI key": ("sk-", r"\bsk-(?:proj-|svcacct-)?[A-Za-z0-9_-]{32,255}"),
    "a Google API key": ("aiza", r"\bAIza[A-Za-z0-9_-]{35}(?![A-Za-z0-9_-])"),
    "a Google client secret": ("gocspx-", r"\bGOCSPX-[A-Za-z0-9_-]{28}"),
    "a SendGrid key": ("sg.", r"\bSG\.[A-Za-z0-9_-]{16,32}\.[A-Za-z0-9_-]{32,64}"),
    "an npm token": ("npm_", r"\bnpm_[A-Za-z0-9]{36}\b"),
    "a PyPI token": ("pypi-age", r"\bpypi-AgE[A-Za-z0-9_-]{50,255}"),
    "a Hugging Face token": ("hf_", r"\bhf_[A-Za-z0-9]{30,64}\b"),
    "a Telegram bot token": (":aa", r"\b\d{8,10}:AA[A-Za-z0-9_-]{33}(?![A-Za-z0-9_-])"),
    "a MultiMail key": ("mm_live_ mm_test_", r"\bmm_(?:live|test)_[A-Za-z0-9]{16,128}\b"),
    "a webhook secret": ("whsec_", r"\bwhsec_[A-Za-z0-9+/=]{24,128}"),
    "a JSON web token": (
        "eyj",
        r"\beyJ[A-Za-z0-9_-]{10,2000}\.eyJ[A-Za-z0-9_-]{10,4000}\.[A-Za-z0-9_-]{10,1000}",
    ),
    "an Azure account key": ("accountkey=", r"\bAccountKey=[A-Za-z0-9+/]{60,100}={0,2}"),
    "a password in a URL": (
        "://",
        rf"\b[a-z][a-z0-9+.-]{{1,20}}{_LOGIN}[A-Za-z0-9.-]{{1,253}}",
    ),
    "a password": (
        "passw passphrase contrase passe secret apikey api_key api-key token",
        r"(?i:\b(?:password|passwd|passphrase|passwort|contraseña|mot de passe|client[_-]?secret|api[_-]?key"
        r"|secret[_-]?key|access[_-]?token)\b[\"'`]?[ \t]{0,3}(?:[:=]|\bis\b:?)[ \t]{0,3})[\"'`]?"
        r"(?=[^\s\"'`]{0,63}[0-9])(?=[^\s\"'`]{0,63}[A-Za-z])[^\s\"'`]{8,128}",
    ),
}
_CARD: Final = r"(?<![\w.-])\d(?:[ -]?\d){12,18}(?![\w-])"
_IBAN: Final = r"\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?\b"
_PERSONAL: Final = {
    "a US social security number": r"(?<![\d-])(?!000|666|9\d\d)\d{3}-(?!00)\d\d-(?!0000)\d{4}(?![\d-])",
    "a UK national insurance number": r"\b[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z] ?\d\d ?\d\d ?\d\d ?[A-D]\b",
}


Pattern = tuple[str, re.Pattern[str]]  # what it looks like, how it is written
Secret = tuple[list[str], Pattern]  # with its needles
Span = tuple[int, int]

_SECRET_PATTERNS: Final = [
    (needles.split(), (what, re.compile(pattern))) for what, (needles, pattern) in _SECRETS.items()
]
# What is in all that a pattern finds, and is found soon as it begins with a letter: where the needle is a common one.
_CORES: Final = {"a password in a URL": re.compile(_LOGIN)}
# Needles that are rarer in ordinary text, for text without the letters that re takes for one of ASCII in another case.
_EXACT: Final = {
    "a password": (
        *("passw", "passphrase", "contrase", "mot de passe"),
        *("apikey", "api_key", "api-key", "secretkey", "secret_key", "secret-key"),
        *("clientsecret", "client_secret", "client-secret", "accesstoken", "access_token", "access-token"),
    )
}
_SAME_TO_RE: Final = "\u0130\u0131\u017f\u212a"
_SIGNS: Final = "_=:-."  # rare ones first


def _by_sign() -> dict[str, list[tuple[str, str]]]:
    """Sign → needles that it tells soonest not to be there, with what each tells of; "" is in every text."""
    table: dict[str, list[tuple[str, str]]] = {sign: [] for sign in ("", *_SIGNS)}
    for needles, (what, _) in _SECRET_PATTERNS:
        for needle in needles:
            table[next((sign for sign in _SIGNS if sign in needle), "")].append((needle, what))
    return table


_NEEDLES: Final = _by_sign()
_PERSONAL_PATTERNS: Final = [(what, re.compile(pattern)) for what, pattern in _PERSONAL.items()]
_NUMBER: Final = re.compile(r"\d(?:[ -]?\d){5,}")  # whatever _PERSONAL, _CARD and _IBAN find has one in it
_IN_ASCII: Final = bytes(ord("0") if chr(octet).isdecimal() else octet for octet in range(128)).ljust(256)
_NUMBER_IN_ASCII: Final = re.compile(rb"0(?:[ -]?0){5,}")  # the same, once every digit is a 0
AROUND: Final = 64  # characters: more than any of them has before and after its number
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
    # No needle has a line end in it: what is in none of the parts is not in all of them together.
    likely = _likely_secrets("\n".join([text[:MAX_TEXT] for _, text in texts]))
    for part, text in texts:
        found += _of_text(part, text[:MAX_TEXT], likely)
        found += _of_links(part, text[:MAX_TEXT], recipients)
    if texts and quotable is not None:
        found += _of_quotes(*texts[-1], quotable)
    for name, kind, content in files:
        if kind.startswith("text/") or kind in (
            "application/json",
            "application/x-pem-file",
            "application/xml",
        ):
            found += _of_file(name, content[:MAX_FILE].decode("utf-8", "replace"))
        elif content.startswith(b"-----BEGIN"):
            found += _of_file(name, content[:4096].decode("ascii", "replace"))
    return tuple(found[:MAX_FINDINGS])


def place_of(part: str, text: str, start: int, end: int) -> Place:
    return Place(part, text.count("\n", 0, start) + 1, start, end)


def _of_file(name: str, text: str) -> list[Finding]:
    return _of_text(name, text, _likely_secrets(text))


def _of_text(part: str, text: str, likely: Sequence[Secret]) -> list[Finding]:
    found: list[Finding] = []
    if secrets := _closer(text, likely):
        found += _matches("secret", secrets, part, text, [(0, len(text))])
    if numbers := _near_numbers(text):
        found += _matches("personal_data", _PERSONAL_PATTERNS, part, text, numbers)
        found += _checked("a payment card", _CARD_PATTERN, _luhn, part, text, numbers)
        found += _checked("a bank account (IBAN)", _IBAN_PATTERN, _mod_97, part, text, numbers)
    return sorted(found, key=lambda one: one.place.start if one.place else 0)


def _likely_secrets(text: str) -> list[Secret]:
    """To look for some letters costs a hundredth of what a pattern costs, for one sign a tenth of that again."""
    low = text.lower()
    likely = {
        what for sign, needles in _NEEDLES.items() if sign in low for needle, what in needles if needle in low
    }
    return [secret for secret in _SECRET_PATTERNS if secret[1][0] in likely] if likely else []


def _closer(text: str, likely: Sequence[Secret]) -> list[Pattern]:
    """Those of them that one part of it may have."""
    if not likely:
        return []
    low = text.lower()
    exact = {} if any(letter in text for letter in _SAME_TO_RE) else _EXACT
    return [
        (what, pattern)
        for needles, (what, pattern) in likely
        if any(needle in low for needle in exact.get(what, needles))
        and (what not in _CORES or _CORES[what].search(text))
    ]


def _near_numbers(text: str) -> list[Span]:
    """Where numbers are, and what stands around them; no two overlap."""
    near: list[Span] = []
    numbers: Iterator[re.Match[str]] | Iterator[re.Match[bytes]]
    if text.isascii():  # a pattern that begins with one letter takes a third of the time
        numbers = _NUMBER_IN_ASCII.finditer(text.encode().translate(_IN_ASCII))
    else:
        numbers = _NUMBER.finditer(text)
    for match in numbers:
        start, end = max(0, match.start() - AROUND), match.end() + AROUND
        near.append((near.pop()[0] if near and start <= near[-1][1] else start, end))
    return near


def _everywhere(pattern: re.Pattern[str], text: str, spans: Iterable[Span]) -> Iterator[re.Match[str]]:
    return chain.from_iterable(pattern.finditer(text, *span) for span in spans)


def _matches(
    kind: str, patterns: Iterable[Pattern], part: str, text: str, spans: Sequence[Span]
) -> Iterator[Finding]:
    taken: list[Span] = []
    for what, pattern in patterns:
        for match in _everywhere(pattern, text, spans):
            if len(taken) >= MAX_FINDINGS:
                return
            if any(start < match.end() and match.start() < end for start, end in taken):
                continue  # told already as something more exact
            taken.append(match.span())
            yield Finding(kind, f"{what}: {_masked(match[0])}", place_of(part, text, *match.span()))


def _checked(
    what: str,
    pattern: re.Pattern[str],
    holds: Callable[[str], bool],
    part: str,
    text: str,
    spans: Sequence[Span],
) -> Iterator[Finding]:
    for match in islice(_everywhere(pattern, text, spans), 10 * MAX_FINDINGS):
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
    pictures = "![" in text or "<" in text or "url(" in text.lower()  # what each alternative begins with
    for number, match in enumerate(_IMAGE.finditer(text) if pictures else ()):
        if number >= MAX_FINDINGS:
            break
        url = match[1] or match[2] or match[3]
        images.add(match.start(match.lastindex or 0))
        detail = f"a picture is loaded from {_host(url)} when the email is read"
        yield Finding("remote_image", detail, place_of(part, text, *match.span()))
    marks = {form for address in recipients for form in _forms(address)}
    for number, match in enumerate(_urls(text)):
        if number >= 500:
            return
        why = _tells(match[0], marks) if match.start() not in images else ""
        if why:
            detail = f"a link to {_host(match[0])} {why}"
            yield Finding("tracking_link", detail, place_of(part, text, *match.span()))


def _urls(text: str) -> Iterator[re.Match[str]]:
    """As _URL.finditer, which takes many times as long to look for a letter in either case."""
    end = 0
    at = text.find("://")
    while at >= 0:
        for start in (at - len("https"), at - len("http")):
            match = _URL.match(text, start) if start >= end else None
            if match:
                yield match
                end = match.end()
        at = text.find("://", max(at + 3, end))


def _forms(address: str) -> Iterator[str]:
    """How a link may name who follows it."""
    yield address.lower()
    yield address.lower().replace("@", "%40")
    yield base64.urlsafe_b64encode(address.lower().encode("utf-8", "replace")).decode().rstrip("=").lower()


def _tells(url: str, marks: Iterable[str]) -> str:
    low = url.lower()
    if any(mark in low for mark in marks):
        return "names who follows it"
    if "?" not in url:
        return ""  # nothing is asked with it
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
