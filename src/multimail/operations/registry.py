"""Everything that the product can do. An operation that is not in this tuple does not exist on any surface."""

from typing import Final

from multimail.operations.account import GET_ACCOUNT, GET_AUDIT_LOG, LIST_SANDBOX
from multimail.operations.account_update import UPDATE_ACCOUNT
from multimail.operations.api_keys import CREATE_API_KEY, LIST_API_KEYS, REVOKE_API_KEY, UPDATE_API_KEY
from multimail.operations.approval_links import DECIDE_BY_LINK, SHOW_APPROVAL
from multimail.operations.attachments import (
    DOWNLOAD_ATTACHMENT,
    DOWNLOAD_SOURCE,
    GET_ATTACHMENT_URL,
    OPEN_ATTACHMENT_LINK,
)
from multimail.operations.contacts import ADD_CONTACT, DELETE_CONTACT, SEARCH_CONTACTS
from multimail.operations.deciding import DECIDE_EMAILS
from multimail.operations.deletion import DELETE_ACCOUNT
from multimail.operations.domains import (
    ADD_DOMAIN,
    DELETE_DOMAIN,
    GET_DOMAIN,
    LIST_DOMAINS,
    ROTATE_DOMAIN,
    VERIFY_DOMAIN,
)
from multimail.operations.drafts import (
    CREATE_DRAFT,
    DELETE_DRAFT,
    EDIT_DRAFT,
    GET_DRAFT,
    LIST_DRAFTS,
    SEND_DRAFT,
)
from multimail.operations.editing import EDIT_EMAIL, EDIT_SCHEDULED_EMAIL
from multimail.operations.emails import GET_MESSAGE, GET_TAGS, READ_EMAIL, REMOVE_TAG, TAG_EMAIL
from multimail.operations.erasing import ERASE_EMAIL
from multimail.operations.erasing_people import ERASE_PERSON, GET_ERASURE
from multimail.operations.events import LIST_EVENTS
from multimail.operations.export import EXPORT_ACCOUNT
from multimail.operations.html import READ_HTML
from multimail.operations.identity import GET_IDENTITY, GET_REPUTATION
from multimail.operations.inbox import CHECK_INBOX, LIST_EMAILS, LIST_SPAM
from multimail.operations.mailboxes import (
    CREATE_MAILBOX,
    DELETE_MAILBOX,
    GET_MAILBOX,
    LIST_MAILBOXES,
    UPDATE_MAILBOX,
)
from multimail.operations.notifications import GET_NOTIFICATIONS, UPDATE_NOTIFICATIONS
from multimail.operations.operation import Operation
from multimail.operations.oversight import DECIDE_EMAIL, GET_DECISION, LIST_PENDING, UNDO_DECISION
from multimail.operations.passkeys import ADD_PASSKEY, LIST_PASSKEYS, REMOVE_PASSKEY
from multimail.operations.pausing import PAUSE_SENDING, RESUME_SENDING
from multimail.operations.people import (
    INVITE_OPERATOR,
    LIST_OPERATOR_SESSIONS,
    LIST_OPERATORS,
    REMOVE_OPERATOR,
    REVOKE_OPERATOR_SESSION,
    UPDATE_OPERATOR,
)
from multimail.operations.push import (
    ADD_PUSH_SUBSCRIPTION,
    LIST_PUSH_SUBSCRIPTIONS,
    REMOVE_PUSH_SUBSCRIPTION,
)
from multimail.operations.records import CHECK_AUDIT_CHAIN, GET_MAILBOX_RECORD
from multimail.operations.reviewing import LIST_QUEUE, REVIEW_EMAIL
from multimail.operations.rules import ADD_RULE, LIST_RULES, REMOVE_RULE
from multimail.operations.saved_views import DELETE_VIEW, LIST_SAVED_VIEWS, SAVE_VIEW
from multimail.operations.search import SEARCH_EMAILS
from multimail.operations.sending import CANCEL_MESSAGE, REPLY_EMAIL, SEND_EMAIL
from multimail.operations.sign_up import (
    ACTIVATE_ACCOUNT,
    CHECK_SLUG,
    CREATE_ACCOUNT,
    REQUEST_CHALLENGE,
    RESEND_CONFIRMATION,
)
from multimail.operations.spam import NOT_SPAM, REPORT_SPAM
from multimail.operations.suppression import CHECK_SUPPRESSION, REMOVE_SUPPRESSION
from multimail.operations.threads import GET_THREAD, LIST_THREADS
from multimail.operations.tools import list_tools_of
from multimail.operations.unsubscribing import SHOW_UNSUBSCRIBE, UNSUBSCRIBE
from multimail.operations.upgrades import APPLY_UPGRADE, REQUEST_UPGRADE
from multimail.operations.usage import GET_USAGE
from multimail.operations.waiting import WAIT_FOR_EMAIL
from multimail.operations.webhooks import (
    CREATE_WEBHOOK,
    DELETE_WEBHOOK,
    GET_WEBHOOK,
    GET_WEBHOOK_DELIVERY,
    LIST_WEBHOOK_DELIVERIES,
    LIST_WEBHOOKS,
    REPLAY_WEBHOOK,
    TEST_WEBHOOK,
)

OPERATIONS: Final[tuple[Operation, ...]] = (
    LIST_MAILBOXES,
    CREATE_MAILBOX,
    GET_MAILBOX,
    GET_MAILBOX_RECORD,
    UPDATE_MAILBOX,
    DELETE_MAILBOX,
    SEND_EMAIL,
    REPLY_EMAIL,
    CANCEL_MESSAGE,
    EDIT_SCHEDULED_EMAIL,
    CREATE_DRAFT,
    LIST_DRAFTS,
    GET_DRAFT,
    EDIT_DRAFT,
    DELETE_DRAFT,
    SEND_DRAFT,
    CHECK_INBOX,
    LIST_EMAILS,
    SEARCH_EMAILS,
    WAIT_FOR_EMAIL,
    READ_EMAIL,
    READ_HTML,
    GET_MESSAGE,
    GET_THREAD,
    LIST_THREADS,
    TAG_EMAIL,
    GET_TAGS,
    REMOVE_TAG,
    LIST_SPAM,
    REPORT_SPAM,
    NOT_SPAM,
    DOWNLOAD_ATTACHMENT,
    DOWNLOAD_SOURCE,
    GET_ATTACHMENT_URL,
    OPEN_ATTACHMENT_LINK,
    LIST_PENDING,
    LIST_QUEUE,
    REVIEW_EMAIL,
    LIST_SAVED_VIEWS,
    SAVE_VIEW,
    DELETE_VIEW,
    DECIDE_EMAIL,
    DECIDE_EMAILS,
    EDIT_EMAIL,
    UNDO_DECISION,
    GET_DECISION,
    SHOW_APPROVAL,
    DECIDE_BY_LINK,
    PAUSE_SENDING,
    RESUME_SENDING,
    CHECK_SUPPRESSION,
    REMOVE_SUPPRESSION,
    SHOW_UNSUBSCRIBE,
    UNSUBSCRIBE,
    ADD_CONTACT,
    SEARCH_CONTACTS,
    DELETE_CONTACT,
    LIST_RULES,
    ADD_RULE,
    REMOVE_RULE,
    LIST_SANDBOX,
    CREATE_WEBHOOK,
    LIST_WEBHOOKS,
    GET_WEBHOOK,
    DELETE_WEBHOOK,
    LIST_WEBHOOK_DELIVERIES,
    GET_WEBHOOK_DELIVERY,
    REPLAY_WEBHOOK,
    TEST_WEBHOOK,
    LIST_EVENTS,
    CREATE_API_KEY,
    LIST_API_KEYS,
    UPDATE_API_KEY,
    REVOKE_API_KEY,
    ADD_DOMAIN,
    LIST_DOMAINS,
    GET_DOMAIN,
    VERIFY_DOMAIN,
    ROTATE_DOMAIN,
    DELETE_DOMAIN,
    GET_ACCOUNT,
    GET_USAGE,
    UPDATE_ACCOUNT,
    APPLY_UPGRADE,
    REQUEST_UPGRADE,
    LIST_OPERATORS,
    INVITE_OPERATOR,
    UPDATE_OPERATOR,
    REMOVE_OPERATOR,
    LIST_OPERATOR_SESSIONS,
    REVOKE_OPERATOR_SESSION,
    LIST_PASSKEYS,
    ADD_PASSKEY,
    REMOVE_PASSKEY,
    GET_NOTIFICATIONS,
    UPDATE_NOTIFICATIONS,
    LIST_PUSH_SUBSCRIPTIONS,
    ADD_PUSH_SUBSCRIPTION,
    REMOVE_PUSH_SUBSCRIPTION,
    GET_AUDIT_LOG,
    CHECK_AUDIT_CHAIN,
    EXPORT_ACCOUNT,
    DELETE_ACCOUNT,
    ERASE_EMAIL,
    ERASE_PERSON,
    GET_ERASURE,
    GET_IDENTITY,
    GET_REPUTATION,
    REQUEST_CHALLENGE,
    CREATE_ACCOUNT,
    RESEND_CONFIRMATION,
    ACTIVATE_ACCOUNT,
    CHECK_SLUG,
    list_tools_of(lambda: OPERATIONS),
)

BY_NAME: Final = {operation.name: operation for operation in OPERATIONS}
