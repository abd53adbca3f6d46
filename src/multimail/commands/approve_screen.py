"""The queue on a whole terminal: what waits on the left, one email as it would leave on the right.

Every word of an email is shown as plain text: characters that steer a terminal or can't be seen are spelled out.
A decision names the revision that is on the screen; if the email has changed since, the server refuses it.
"""

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar, Final

from rich.text import Text
from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Footer, Header, Input, OptionList, Static
from textual.widgets.option_list import Option

from multimail.client import ApiError, AsyncMultiMail, ConnectionFailed
from multimail.commands.flags import plain
from multimail.core.risk import in_order, sign_of
from multimail.core.telling import told

EVERY: Final = 3.0  # seconds between looks at what waits
MOST: Final = 500  # emails in the list; more are counted when these are decided
WHY_NOT: Final = (
    "Reject it? The agent is told this reason, which may be empty. Enter rejects, Escape leaves it."
)
SEARCH: Final = "Only what has this in its subject or in an address. Empty shows all that waits."
Pending = Mapping[str, Any]


class Queue(App[None]):
    TITLE = "MultiMail: what waits"
    CSS = """
    #queue { width: 40%; min-width: 30; border-right: solid $primary; }
    #email { padding: 0 1; }
    ModalScreen { align: center middle; }
    ModalScreen > Vertical { width: 70; height: auto; padding: 1 2; background: $panel; border: solid $primary; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("a", "approve", "Approve"),
        Binding("r", "reject", "Reject"),
        Binding("e", "edit", "Edit"),
        Binding("j", "next", "Next"),
        Binding("k", "previous", "Previous"),
        Binding("slash", "search", "Search", key_display="/"),
        Binding("space", "read_on", "Read on"),
        Binding("g", "look", "Look again"),
        Binding("question_mark", "keys", "Keys", key_display="?"),
        Binding("q", "quit", "Quit"),
    ]

    def __init__(self, mail: AsyncMultiMail) -> None:
        super().__init__()
        self._mail = mail
        self._words = ""
        self._pending: dict[str, Pending] = {}
        self._shown: Pending | None = None

    def compose(self) -> ComposeResult:
        yield Header()
        with Horizontal():
            yield OptionList(id="queue", markup=False)
            with VerticalScroll(id="reading"):
                yield Static(id="email", markup=False)
        yield Footer()

    async def on_mount(self) -> None:
        self.query_one("#queue", OptionList).focus()
        await self.action_look()
        self.set_interval(EVERY, self.action_look)

    async def on_unmount(self) -> None:
        await self._mail.close()

    async def action_look(self) -> None:
        """The list anew; what is on the screen stays, even if it is decided elsewhere meanwhile."""
        try:
            found: dict[str, Pending] = {}
            async for email in self._mail.each(self._mail.list_pending, limit=100):
                if has(email, self._words):
                    found[email["id"]] = email
                if len(found) >= MOST:
                    break
        except (ApiError, ConnectionFailed) as error:
            self.notify(plain(error), severity="error", markup=False)
            return
        if found.keys() != self._pending.keys() or self._shown is None:
            self._pending = found
            self._list()
        self.sub_title = f"{len(found)} wait" if len(found) != 1 else "1 waits"
        if self._words:
            self.sub_title += f" with “{plain(self._words)}”"

    def _list(self) -> None:
        queue = self.query_one("#queue", OptionList)
        place = queue.highlighted or 0
        stays = self._shown["id"] if self._shown is not None else None
        queue.clear_options()
        queue.add_options([Option(line_of(email), id=email["id"]) for email in self._pending.values()])
        ids = list(self._pending)
        if not ids:
            self._show(None)
        elif stays in self._pending:
            queue.highlighted = ids.index(stays)
        else:
            queue.highlighted = min(place, len(ids) - 1)
            self._show(self._pending[ids[queue.highlighted]])

    def on_option_list_option_highlighted(self, event: OptionList.OptionHighlighted) -> None:
        email = self._pending.get(str(event.option.id))
        if email is not None and (self._shown is None or email["id"] != self._shown["id"]):
            self._show(email)

    def _show(self, email: Pending | None) -> None:
        self._shown = email
        text = Text("Nothing waits.") if email is None else Text("\n").join(whole(email))
        self.query_one("#email", Static).update(text)
        self.query_one("#reading", VerticalScroll).scroll_home(animate=False)

    def action_next(self) -> None:
        self.query_one("#queue", OptionList).action_cursor_down()

    def action_previous(self) -> None:
        self.query_one("#queue", OptionList).action_cursor_up()

    def action_read_on(self) -> None:
        self.query_one("#reading", VerticalScroll).action_page_down()

    def action_approve(self) -> None:
        if self._shown is not None:
            self._ask("approve", self._shown, Sure(question(self._shown)))

    def action_reject(self) -> None:
        if self._shown is not None:
            self._ask("reject", self._shown, Line(WHY_NOT))

    def action_edit(self) -> None:
        """For people alone, who sign in at the desk (edit_email): a key would have edited what nobody can name."""
        if self._shown is not None:
            where = f"{self._mail.base_url}/dashboard/emails/{self._shown['id']}/edit"
            self.notify(f"Edit it at the desk: {where}", markup=False)

    async def action_search(self) -> None:
        async def given(words: str | None) -> None:
            if words is not None:
                self._words, self._shown = words, None
                await self.action_look()

        await self.push_screen(Line(SEARCH, self._words), given)

    def action_keys(self) -> None:
        bound = (one for one in self.BINDINGS if isinstance(one, Binding))
        self.push_screen(
            Told("\n".join(f"{one.key_display or one.key:<8}{one.description}" for one in bound))
        )

    def _ask(self, action: str, email: Pending, screen: "ModalScreen[str | None]") -> None:
        """The decision is on what was on the screen when the key was pressed."""

        async def decided(reason: str | None) -> None:
            if reason is not None:
                await self._decide(action, email, reason)

        self.push_screen(screen, decided)

    async def _decide(self, action: str, email: Pending, reason: str) -> None:
        given = {"email_id": email["id"], "action": action, "revision": email["revision"]}
        try:
            answer = await self._mail.decide_email(**given, reason=reason or None)
        except (ApiError, ConnectionFailed) as error:
            self.notify(plain(error), severity="error", markup=False)
        else:
            self.notify(f"{action}: {answer['status']}", markup=False)
        self._shown = None
        await self.action_look()


class Sure(ModalScreen["str | None"]):
    """Yes or no."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y", "answer(True)", "Yes"),
        Binding("n,escape", "answer(False)", "No"),
    ]

    def __init__(self, asked: str) -> None:
        super().__init__()
        self._asked = asked

    def compose(self) -> ComposeResult:
        with Vertical():
            yield Static(Text(self._asked))
            yield Static(Text("\ny  yes    n  no"))

    def action_answer(self, yes: bool) -> None:
        self.dismiss("" if yes else None)


class Line(ModalScreen["str | None"]):
    """One line of text; None for whoever leaves."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "leave", "Leave it")]

    def __init__(self, asked: str, value: str = "") -> None:
        super().__init__()
        self._asked, self._value = asked, value

    def compose(self) -> ComposeResult:
        with Vertical():
            yield Static(Text(self._asked))
            yield Input(self._value, max_length=2000)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        self.dismiss(event.value.strip())

    def action_leave(self) -> None:
        self.dismiss(None)


class Told(ModalScreen[None]):
    """Something to read, until any of these keys."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,enter,question_mark,q", "leave", "Close")]

    def __init__(self, text: str) -> None:
        super().__init__()
        self._text = text

    def compose(self) -> ComposeResult:
        with Vertical():
            yield Static(Text(self._text))

    def action_leave(self) -> None:
        self.dismiss(None)


def has(email: Pending, words: str) -> bool:
    """As the desk searches: in the subject and in the addresses."""
    people = [email["from"], *email["envelope_recipients"]]
    return any(words.casefold() in text.casefold() for text in (email["subject"], *people))


def line_of(email: Pending) -> Text:
    """Two lines in the list."""
    inbound = email["direction"] == "inbound"
    people = f"from {email['from']}" if inbound else f"to {', '.join(email['envelope_recipients'])}"
    line = Text(plain(people), no_wrap=True, overflow="ellipsis")
    line.append("\n" + plain(email["subject"] or "(no subject)"), style="dim")
    return line


def question(email: Pending) -> str:
    recipients = email["envelope_recipients"]
    if email["direction"] == "inbound":
        return f"Let the agent read this email of {plain(email['from'])}?"
    count = f"{len(recipients)} recipients" if len(recipients) > 1 else "1 recipient"
    return f"Send it to {count}: {plain(', '.join(recipients))}?"


def whole(email: Pending) -> Iterator[Text]:
    """The email as it would leave, its warnings first."""
    for warning in warnings_of(email):
        yield Text(f"! {warning}", style="bold yellow")
    facts = {
        "From": email["envelope_sender"],
        "To": ", ".join(email["envelope_recipients"]),
        "Header To": _list(email["to"]),
        "Header Cc": _list(email["cc"]),
        "Subject": email["subject"],
        "Mode": email["effective_mode"],
        "Written": email["created_at"],
        "Revision": email["revision"],
    }
    for name, value in facts.items():
        if value:
            yield Text.assemble((f"{name:<10}", "bold"), plain(value))
    for file in email["attachments"]:
        yield Text.assemble(
            ("Attached  ", "bold"), plain(f"{file['name']}  {file['content_type']}  {file['size']} bytes")
        )
    yield Text("")
    for line in (email["markdown"] or email["text"] or "(no text)").splitlines():
        yield Text(plain(line))
    for line in (email.get("quoted") or "").splitlines():
        yield Text(plain(line), style="dim")


def warnings_of(email: Pending) -> Iterator[str]:
    """What the desk says of it, in its words, gravest first."""
    facts = email["facts"]
    said = [(sign_of(one["kind"]), one["detail"]) for one in email["findings"]]
    if facts["reply_to_differs"] and "reply_to_differs" not in dict(said):
        said.append(("reply_to_differs", f"answers would go to {_list(facts['reply_to_differs'])}"))
    if email["auth"] is not None and email["auth"]["verdict"] == "fail":
        reasons = "; ".join(email["auth"]["reasons"])
        said.append(("sender_unproven", f"the owner of the domain in From says it is forged. {reasons}"))
    said += told(facts)
    gravest = in_order(dict(said))
    for sign, detail in sorted(said, key=lambda one: gravest.index(one[0])):
        yield plain(f"{sign.replace('_', ' ')}: {detail}")


def _list(values: list[str]) -> str:
    return ", ".join(values)
