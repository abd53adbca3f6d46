"""Everything that the product can do. An operation that is not in this tuple does not exist on any surface."""

from typing import Final

from multimail.operations.account import GET_ACCOUNT, GET_AUDIT_LOG, LIST_SANDBOX
from multimail.operations.api_keys import CREATE_API_KEY, LIST_API_KEYS, REVOKE_API_KEY
from multimail.operations.attachments import DOWNLOAD_ATTACHMENT, GET_ATTACHMENT_URL, OPEN_ATTACHMENT_LINK
from multimail.operations.emails import (
    CHECK_INBOX,
    GET_MESSAGE,
    GET_TAGS,
    GET_THREAD,
    READ_EMAIL,
    REMOVE_TAG,
    TAG_EMAIL,
)
from multimail.operations.events import LIST_EVENTS
from multimail.operations.html import READ_HTML
from multimail.operations.mailboxes import (
    CREATE_MAILBOX,
    DELETE_MAILBOX,
    GET_MAILBOX,
    LIST_MAILBOXES,
    UPDATE_MAILBOX,
)
from multimail.operations.operation import Operation
from multimail.operations.oversight import DECIDE_EMAIL, GET_DECISION, LIST_PENDING
from multimail.operations.sending import CANCEL_MESSAGE, REPLY_EMAIL, SEND_EMAIL
from multimail.operations.webhooks import (
    CREATE_WEBHOOK,
    DELETE_WEBHOOK,
    GET_WEBHOOK,
    LIST_WEBHOOK_DELIVERIES,
    LIST_WEBHOOKS,
)

OPERATIONS: Final[tuple[Operation, ...]] = (
    LIST_MAILBOXES,
    CREATE_MAILBOX,
    GET_MAILBOX,
    UPDATE_MAILBOX,
    DELETE_MAILBOX,
    SEND_EMAIL,
    REPLY_EMAIL,
    CANCEL_MESSAGE,
    CHECK_INBOX,
    READ_EMAIL,
    READ_HTML,
    GET_MESSAGE,
    GET_THREAD,
    TAG_EMAIL,
    GET_TAGS,
    REMOVE_TAG,
    DOWNLOAD_ATTACHMENT,
    GET_ATTACHMENT_URL,
    OPEN_ATTACHMENT_LINK,
    LIST_PENDING,
    DECIDE_EMAIL,
    GET_DECISION,
    LIST_SANDBOX,
    CREATE_WEBHOOK,
    LIST_WEBHOOKS,
    GET_WEBHOOK,
    DELETE_WEBHOOK,
    LIST_WEBHOOK_DELIVERIES,
    LIST_EVENTS,
    CREATE_API_KEY,
    LIST_API_KEYS,
    REVOKE_API_KEY,
    GET_ACCOUNT,
    GET_AUDIT_LOG,
)

BY_NAME: Final = {operation.name: operation for operation in OPERATIONS}
