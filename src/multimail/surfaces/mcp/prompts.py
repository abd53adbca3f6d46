"""A few ways to begin, for clients that offer prompts to a person."""

from collections.abc import Mapping
from typing import Final

import mcp_types as types

PROMPTS: Final = {
    prompt.name: prompt
    for prompt in (
        types.Prompt(
            name="triage",
            title="Triage the inbox",
            description="Look through unread mail, tag it and say what needs a person.",
        ),
        types.Prompt(
            name="draft_reply",
            title="Draft a reply",
            description="Read a thread and answer its newest mail.",
            arguments=[
                types.PromptArgument(name="thread_id", description="The thread to answer.", required=True),
                types.PromptArgument(name="wishes", description="What the answer should say."),
            ],
        ),
        types.Prompt(
            name="daily_digest",
            title="Daily digest",
            description="What came in, what was sent and what waits for approval since yesterday.",
        ),
    )
}

_TEXTS: Final = {
    "triage": (
        "Look at my unread mail with check_inbox (status unread). Read each email, tag it with tag_email (one of "
        "answer, waiting, read-later, done), and then tell me in a short list what needs me. Do not send anything."
    ),
    "draft_reply": (
        "Read the thread {thread_id} with get_thread and answer its newest email with reply_email. {wishes} If the "
        "answer waits for approval, say so and stop."
    ),
    "daily_digest": (
        "Make a digest of the last day: what came in (check_inbox), what was sent and what became of it, and what "
        "waits for approval (list_pending). Ten lines at most."
    ),
}


def prompt_text(name: str, arguments: Mapping[str, str]) -> str:
    """The words of a prompt; arguments that were not given leave nothing behind."""
    known = {argument.name for argument in PROMPTS[name].arguments or ()}
    text = _TEXTS[name]
    for argument in known:
        text = text.replace(f"{{{argument}}}", arguments.get(argument, ""))
    return " ".join(text.split())
