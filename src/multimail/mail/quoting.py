"""A reply cut in three: the sender's new words, the history quoted below or between, the signature.

Line by line and in linear time. It knows '>' quotes, attribution lines ("On … wrote:") and header blocks
of the big clients in their languages, and the marks that reading HTML leaves around quoted regions.
"""

import re
from dataclasses import dataclass

# Unicode noncharacters: no mail may contain them, so what is between them was marked by our HTML reader
QUOTE_OPEN, QUOTE_CLOSE, SIGNATURE_OPEN, SIGNATURE_CLOSE = "\ufdd0", "\ufdd1", "\ufdd2", "\ufdd3"

MAX_ATTRIBUTION = 400  # characters of an attribution, over at most four lines
MAX_LINES = 50_000  # lines examined; what follows is taken as it looks
MAX_SIGNATURE = 15  # lines after a signature delimiter

_NEW, _QUOTED, _SIGNED = "new", "quoted", "signed"
_MARK = re.compile(f"[{QUOTE_OPEN}{QUOTE_CLOSE}{SIGNATURE_OPEN}{SIGNATURE_CLOSE}]")
# how an attribution ends: en de fr es it nl pt pl ru uk sv da/nb fi cs sk hu tr ro el he ar vi id ja zh ko
_VERBS = (
    "wrote", "writes", "schrieb", "schreibt", "a écrit", "a ecrit", "écrit", "escribió", "escribio",
    "ha scritto",
    "scrive", "schreef", "geschreven", "escreveu", "napisał", "napisała", "napisał(a)", "pisze", "написал",
    "написала", "написал(а)", "пишет", "писал", "написав", "написав(ла)", "пише", "skrev", "skreiv",
    "kirjoitti",
    "napsal", "napsal(a)", "napsala", "napísal", "napísal(a)", "írta", "yazdı", "şunu yazdı", "şunları yazdı",
    "a scris", "έγραψε", "כתב", "כתב/ה", "כתבה", "كتب", "đã viết", "menulis", "さんは書きました",
    "のメール", "のメッセージ", "书写道", "写道", "寫道", "님이 작성", "작성", "님이 썼습니다",
)  # fmt: skip
_ENDS = tuple(verb + colon for verb in _VERBS for colon in (":", " :", "：", "\u00a0:", "：\u200b"))
_INNER = re.compile(
    r"\b(?:schrieb|schreef|skrev|wrote|écrit|escribió|escreveu|scritto|napisał|пишет|написал|kirjoitti)\b"
)
_START = re.compile(
    r"[-–—*_ \"'\[(]*(?:on|le|am|op|el|il|in data|em|w dniu|dnia|den|dne|dana|em|în|at|a|от|у|в|בתאריך|quoting|"
    r"(?:mon|tue|wed|thu|fri|sat|sun|lun|mar|mer|jeu|ven|sam|dim|mo|di|mi|do|fr|sa|so|ma|ti|ke|to|pe|la|su|"
    r"tir|ons|tor|fre|lør|søn|man|pon|wt|śr|czw|pt|sob|niedz|po|út|st|čt|pá|пн|вт|ср|чт|пт|сб|вс)[a-z]*[.,]?|"
    r"\d{1,4}[-./ 年년:])(?:[\s.,(]|\d|$)"
)
_TIME = re.compile(r"\d{1,2}[:.hH時点]\s?\d{2}")
_LABELS = {
    "from": "from von de da van od от från fra lähettäjä feladó kimden 发件人 寄件者 差出人 보낸사람 "
    "від expéditeur mittente remitente afzender avsender odesílatel gönderen",
    "sent": "sent date gesendet datum envoyé enviado enviada fecha data inviato "
    "verzonden wysłano отправлено дата skickat sendt dato lähetetty odesláno elküldve gönderildi tarih "
    "发送时间 日期 寄件日期 送信日時 日付 보낸날짜 날짜 надіслано",
    "to": "to an à a para aan do кому till til vastaanottaja komu címzett kime alıcı 收件人 收件者 宛先 "
    "받는사람 cc kopie",
    "subject": "subject betreff objet asunto oggetto onderwerp assunto temat тема ämne emne aihe předmět "
    "tárgy konu 主题 主旨 件名 제목",
}
_LABEL = {
    phrase: kind
    for kind, words in _LABELS.items()
    for phrase in words.split()
} | {
    "envoyé le": "sent", "enviado el": "sent", "enviada em": "sent", "enviado em": "sent",
    "보낸 사람": "from", "date d'envoi": "sent", "받는 사람": "to", "보낸 날짜": "sent", "reply-to": "to",
}  # fmt: skip
_SEPARATORS = (
    "original message", "original appointment", "forwarded message", "forwarded by",
    "ursprüngliche nachricht",
    "originalnachricht", "original-nachricht", "weitergeleitete nachricht", "message d'origine",
    "message original", "message transféré", "mensaje original", "mensaje reenviado", "messaggio originale",
    "messaggio inoltrato", "oorspronkelijk bericht", "doorgestuurd bericht", "mensagem original",
    "mensagem encaminhada", "wiadomość oryginalna", "oryginalna wiadomość", "przekazana wiadomość",
    "исходное сообщение", "пересылаемое сообщение", "originalmeddelande", "ursprungligt meddelande",
    "oprindelig meddelelse", "opprinnelig melding", "alkuperäinen viesti", "původní zpráva", "eredeti üzenet",
    "özgün ileti", "orijinal mesaj", "元のメッセージ", "转发的邮件", "转发邮件信息", "原始邮件",
    "原始郵件", "원본 메시지", "원본 메일",
    "reply message", "reply above this line",
)  # fmt: skip
_BEGINS = ("begin forwarded message:", "début du message réexpédié", "début du message transféré",
           "anfang der weitergeleiteten nachricht", "inizio messaggio inoltrato",
           "inicio del mensaje reenviado",
           "begin doorgestuurd bericht", "início da mensagem encaminhada")  # fmt: skip
_SENT_FROM = (
    "sent from my ", "sent from outlook", "sent from mail for", "sent from yahoo", "sent from proton",
    "sent via ",
    "sent with ", "get outlook for", "envoyé de mon ", "envoyé depuis ", "envoyé à partir de ", "von meinem ",
    "gesendet von ", "gesendet mit ", "diese nachricht wurde von meinem", "enviado desde ", "enviado do meu ",
    "enviado a partir do ", "enviado de mi ", "obtener outlook", "inviato da", "inviato dal ",
    "verzonden vanaf ",
    "verstuurd vanaf ", "wysłane z ", "отправлено с ", "отправлено из ", "skickat från ", "sendt fra ",
    "lähetetty ", "odesláno z ", "trimis de pe ", "στάλθηκε από", "发自我的", "從我的",
    "sent from samsung", "sent from blackberry",
)  # fmt: skip
_SENT_FROM_ENDS = ("から送信", "에서 보냄", "dan gönderildi", "den gönderildi")
_DELIMITER = re.compile(r"\\?(?:--|—{1,40}) ?")
_RULE = re.compile(r"(?:[-_*=]{3,200}|\\?_{3,200}|(?:\* ?){3,60})")


@dataclass(frozen=True, slots=True)
class Split:
    """A body in three, each without outer blank lines, together every line of it."""

    new: str
    quoted: str
    signature: str


def split(text: str, *, rich: bool = False) -> Split:
    """Cut a body; `rich` says it was HTML, where '>' alone is the sender's emphasis and marks tell history.

    Answers between quotes stay in `new`. A forward without a word of its own is new as a whole. Never raises.
    """
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    lines, kinds = _marked(lines) if rich else (lines, [_NEW] * len(lines))
    bare = [without_marks(line).replace("**", "").strip(" \t\u00a0*") for line in lines]
    forwarded = _cut(lines, bare, kinds, rich)
    _sign(bare, kinds)
    parts = {kind: _joined(lines, kinds, kind) for kind in (_NEW, _QUOTED, _SIGNED)}
    if forwarded and not parts[_NEW]:
        everything = [_QUOTED if kind != _SIGNED else kind for kind in kinds]
        return Split(_joined(lines, everything, _QUOTED), "", parts[_SIGNED])
    return Split(parts[_NEW], parts[_QUOTED], parts[_SIGNED])


def inline_forward(text: str) -> dict[str, str]:
    """What the header block of a forward in the text says, by from, sent, to and subject; empty where none is."""
    if not _is_forward(text):
        return {}
    bare = [
        without_marks(line).replace("**", "").strip(" \t\u00a0*>") for line in text.split("\n")[:MAX_LINES]
    ]
    follows = _next_written(bare)
    for at, line in enumerate(bare):
        if line and len(line) < 200 and _is_forward(line) and _heads_history(bare, at, follows):
            found: dict[str, str] = {}
            for after in bare[at + 1 : at + 16]:
                kind = _label(after.lower())
                if kind is None and after and found:
                    break
                if kind is not None:
                    found.setdefault(kind, after.replace("：", ":").partition(":")[2].strip())
            return found
    return {}


def without_marks(text: str) -> str:
    """Text that can't pretend to come from the HTML reader."""
    return text if text.isascii() else _MARK.sub("", text)


def _marked(lines: list[str]) -> tuple[list[str], list[str]]:
    """Take the HTML reader's marks out, leaving what they said as the kind of each line."""
    kept, kinds = [], []
    quote = signature = 0
    for line in lines:
        marks = _MARK.findall(line) if not line.isascii() else []
        inside_quote, inside_signature = quote > 0, signature > 0
        for mark in marks:
            quote += (mark == QUOTE_OPEN) - (mark == QUOTE_CLOSE)
            signature += (mark == SIGNATURE_OPEN) - (mark == SIGNATURE_CLOSE)
            quote, signature = max(quote, 0), max(signature, 0)
            inside_quote, inside_signature = inside_quote or quote > 0, inside_signature or signature > 0
        if marks:
            line = _MARK.sub("", line)
            if not line.strip(" >\t"):
                line = ""
        kept.append(line)
        kinds.append(_QUOTED if inside_quote else _SIGNED if inside_signature else _NEW)
    return kept, kinds


def _cut(lines: list[str], bare: list[str], kinds: list[str], rich: bool) -> bool:
    """Mark history in `kinds`; True when it is (or begins like) a forward."""
    follows = _next_written(bare)
    forwarded = introduced = False
    if not rich:
        kinds[:] = [_QUOTED if line.startswith((">", " >", "|>")) else _NEW for line in lines]
        _rejoin_wrapped(lines, kinds)
    for at, line in enumerate(bare[:MAX_LINES]):
        if kinds[at] != _NEW:
            if rich and not introduced and kinds[at] == _QUOTED:
                start = _with_rule(bare, at)
                kinds[start:at] = [_QUOTED] * (at - start)
            introduced = introduced or kinds[at] == _QUOTED
            continue
        if not line:
            continue
        if rich and introduced and line.startswith(">"):
            kinds[at] = _QUOTED
            continue
        length = _attribution(bare, kinds, at) if line[-1] in ":：-*_" or line.endswith("wrote") else 0
        start, block = (at - length + 1, False) if length else (at, True)
        if block and not _heads_history(bare, at, follows):
            continue
        forwarded = forwarded or (block and _is_forward(line))
        after = follows[at + 1] if at + 1 < len(bare) else len(bare)
        quotes_follow = after < len(bare) and (kinds[after] == _QUOTED or bare[after].startswith(">"))
        start = _with_rule(bare, start) if block else start
        stop = at + 1 if quotes_follow else len(bare)
        kinds[start:stop] = [_QUOTED] * (stop - start)
        introduced = True
        if not quotes_follow:
            break
    return forwarded


def _rejoin_wrapped(lines: list[str], kinds: list[str]) -> None:
    """A long quoted line that a mailer wrapped leaves its tail without '>', one line between quotes."""
    for at in range(1, len(lines) - 1):
        between = kinds[at - 1] == _QUOTED and kinds[at] == _NEW and kinds[at + 1] == _QUOTED
        if (
            between
            and len(lines[at - 1]) >= 60
            and lines[at][:1].islower()
            and len(lines[at]) < len(lines[at - 1])
        ):
            kinds[at] = _QUOTED


def _next_written(bare: list[str]) -> list[int]:
    """For each line, the index of the first line from it on that is not blank."""
    follows = [len(bare)] * (len(bare) + 1)
    for at in range(len(bare) - 1, -1, -1):
        follows[at] = at if bare[at] else follows[at + 1]
    return follows


def _attribution(bare: list[str], kinds: list[str], at: int) -> int:
    """How many lines, ending with this one, make an attribution; 0 when they do not."""
    joined, found = "", 0
    for count in range(1, 5):
        back = at - count + 1
        if (
            back < 0
            or not bare[back]
            or kinds[back] != _NEW
            or len(joined) + len(bare[back]) > MAX_ATTRIBUTION
        ):
            break
        joined = f"{bare[back]} {joined}".strip()
        if _is_attribution(joined, starts=count > 1):
            found = count
            if _START.match(joined.lower()):
                break
    return found


def _is_attribution(line: str, starts: bool) -> bool:
    low = line.lower()
    begins = bool(_START.match(low))
    if starts and not begins:
        return False
    dated = any(map(str.isdigit, low))
    if low.strip("- ").endswith(" wrote") and low.endswith("-") and dated:
        return True
    if "ezt írta (időpont" in low and "@" in low:  # Hungarian: the time stands behind
        return True
    if low.endswith(_ENDS):
        return "@" in low or (dated and begins)
    if not low.endswith((":", "：")) or not dated:
        return False
    if begins and _INNER.search(low) and (_TIME.search(low) or "@" in low):
        return True
    return low.rstrip(" :：").endswith((">", ")", "]")) and "@" in low and bool(_TIME.search(low)) and begins


def _heads_history(bare: list[str], at: int, follows: list[int]) -> bool:
    """Whether a separator or a block of copied headers (From, Sent, To, Subject) begins at this line."""
    low = bare[at].lower()
    if low.startswith(_BEGINS) and len(low) < 60:
        return True
    if low[0] in "-_=>~<" or low.startswith("\\-"):
        core = low.strip("\\-_=>~< ")
        if len(core) < 120 and core.startswith(_SEPARATORS) and low[:2] != "- ":
            return True
    if _label(low) is None:
        return False
    kinds, line, gaps = set(), at, 0
    for _ in range(8):
        if line >= len(bare):
            break
        kind = _label(bare[line].lower())
        if kind is None and gaps:
            break
        gaps += kind is None
        kinds.add(kind)
        line = follows[line + 1]
    first = _label(low)
    return (len(kinds - {None}) >= 3 and first in ("from", "sent") and "from" in kinds) or (
        first == "from" and {"from", "to", "subject"} <= kinds
    )


def _label(low: str) -> str | None:
    head, colon, _ = low[:40].replace("：", ":").partition(":")
    return _LABEL.get(head.strip(" *_\u00a0\t")) if colon else None


def _is_forward(line: str) -> bool:
    low = line.lower()
    words = ("forward", "weitergeleitet", "transféré", "réexpédié", "reenviado", "inoltrat", "doorgestuurd",
             "encaminhada", "przekazan", "пересылаем", "转发")  # fmt: skip
    return any(word in low for word in words)


def _with_rule(bare: list[str], start: int) -> int:
    """Where history begins when a ruled line stands just above its headers."""
    for back in range(start - 1, max(start - 4, -1), -1):
        if bare[back]:
            return back if _RULE.fullmatch(bare[back]) else start
    return start


def _sign(bare: list[str], kinds: list[str]) -> None:
    """Mark the signature: all after a delimiter (RFC 3676 4.3) or a 'Sent from my …' line."""
    own = [at for at in range(len(bare)) if kinds[at] == _NEW and bare[at]]
    for position in range(len(own) - 1, max(len(own) - 2 - MAX_SIGNATURE, -1), -1):
        at = own[position]
        if position and _DELIMITER.fullmatch(bare[at]):
            _mark_signed(kinds, at)
            return
    for position in range(len(own) - 1, max(len(own) - 6, -1), -1):
        at = own[position]
        if _is_sent_from(bare[at]):
            _mark_signed(kinds, at)
            return


def _mark_signed(kinds: list[str], start: int) -> None:
    for at in range(start, len(kinds)):
        if kinds[at] == _NEW:
            kinds[at] = _SIGNED


def _is_sent_from(line: str) -> bool:
    low = line.lower().lstrip("[_*( ")
    if len(low) > 160:
        return False
    shown = re.split(r"[<(\]]", low, maxsplit=1)[0].rstrip(" .")
    if shown.endswith(_SENT_FROM_ENDS):
        return True
    return low.startswith(_SENT_FROM) and len(shown.split()) <= 8 and "," not in shown and ". " not in shown


def _joined(lines: list[str], kinds: list[str], kind: str) -> str:
    """The lines of one kind; where others stood between, one blank line."""
    if kind not in kinds:
        return ""
    out: list[str] = []
    blank = True
    for line, its in zip(lines, kinds, strict=True):
        written = its == kind and bool(line.strip())
        if written or not blank:
            out.append(line.rstrip() if written else "")
        blank = not written
    return "\n".join(out).strip("\n")
