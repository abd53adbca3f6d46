"""Erasing as a program and its owner do it: asked over HTTP, agreed to on the server; the log says less and holds."""

import re
from typing import Any

from tests.support.agents import Desk
from tests.support.server import multimail

WORD = "xylophone"


def test_an_owner_agrees_and_the_log_still_verifies(desk: Desk) -> None:
    server = desk.server
    sent = server.send(to="ada@example.com", subject=WORD, markdown=WORD, metadata={"note": WORD}).body
    assert server.call("POST", f"/v1/emails/{sent['id']}/erase", {}, key="admin").status == 409
    desk.decide(sent["id"])
    desk.becomes(sent["id"], "sent")
    desk.logged(sent["id"], "deliver_email")

    asked = server.call("POST", f"/v1/emails/{sent['id']}/erase", {}, key="admin")
    assert (asked.status, asked.body["status"]) == (202, "pending_approval")
    shown = multimail("operator", "code", "--data", server.data).stdout
    assert f"what the email {sent['id']} says" in shown
    (code,) = re.findall(r"^(\d{8}) ", shown, re.MULTILINE)
    erased = server.call("POST", f"/v1/emails/{sent['id']}/erase", {"approval_code": code}, key="admin")
    assert erased.status == 200, erased
    read = desk.read(sent["id"])
    assert read["erased_at"] == erased.body["erased_at"]
    assert (read["subject"], read["markdown"], read["to"], read["metadata"]) == ("", "", [], {})

    def said_nothing(page: Any) -> Any:
        about = [one for one in page["entries"] if one["resource_id"] == sent["id"]]
        before = [one for one in about if one["action"] in ("send_email", "deliver_email")]
        return len(before) == 2 and all(one["metadata"] == {} and one["salt"] is None for one in before)

    server.until("/v1/audit-log?limit=100", said_nothing, key="admin", within=30)
    checked = multimail("audit", "verify", "--data", server.data)
    assert checked.returncode == 0, checked
    assert "is gone, as later entries tell" in checked.stdout
    log = server.call("GET", "/v1/audit-log?limit=100", key="admin").body
    assert WORD not in str(log) and "ada@example.com" not in str(log)
