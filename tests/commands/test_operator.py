"""`multimail operator`: an owner at the server's own machine, beside a running server."""

import base64
import re
import shutil
import subprocess
import tarfile
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import load_der_public_key

from tests.support.server import Server, command_line, multimail


def operator(server: Server, *arguments: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    return command_line("operator", "--data", server.data, *arguments, environment=environment)


def box(server: Server) -> str:
    return str(server.call("GET", f"/v1/mailboxes/{server.mailbox_id}").body["oversight_mode"])


def test_a_mode_that_is_set_counts_at_once_for_the_running_server(server: Server) -> None:
    done = operator(server, "set-mode", server.address, "autonomous")
    assert (done.returncode, done.stderr) == (0, "")
    assert f"{server.address} is autonomous" in done.stdout
    assert box(server) == "autonomous"
    sent = server.send(to="ada@example.com", subject="Hello", markdown="Hi").body
    assert sent["status"] == "queued"
    assert operator(server, "set-mode", server.mailbox_id, "read_only").returncode == 0
    assert server.send(to="ada@example.com", subject="Hello", markdown="Hi").body["code"] == "read_only"


def test_a_looser_mode_releases_nothing(server: Server) -> None:
    held = server.send(to="ada@example.com", subject="Hello", markdown="Hi").body
    assert operator(server, "set-mode", server.address, "autonomous").returncode == 0
    after = server.send(to="ada@example.com", subject="Later", markdown="Hi").body
    server.until(f"/v1/messages/{after['id']}", lambda email: email["status"] == "sent")
    assert server.call("GET", f"/v1/messages/{held['id']}").body["status"] == "pending_approval"


def test_what_it_does_is_in_the_audit_log_as_the_owner_s(server: Server) -> None:
    assert operator(server, "set-mode", server.address, "read_only").returncode == 0
    entries = server.until(
        "/v1/audit-log?action=update_mailbox", lambda page: page["entries"], key="admin", within=5
    )["entries"]
    assert [(entry["actor"]["kind"], entry["actor"]["name"]) for entry in entries] == [("operator", "owner")]
    assert command_line("audit", "verify", "--data", server.data).returncode == 0


def test_a_mode_that_needs_an_address_is_refused_with_the_reason(server: Server) -> None:
    done = operator(server, "set-mode", server.address, "monitored")
    assert (done.returncode, done.stdout) == (1, "")
    assert "oversight" in done.stderr
    assert box(server) == "gated_send"


def test_a_mailbox_that_is_not_there(server: Server) -> None:
    done = operator(server, "set-mode", "nobody@local.multimail.test", "read_only")
    assert done.returncode == 1
    assert "no such mailbox" in done.stderr


def test_an_unknown_mode_is_wrong_usage(server: Server) -> None:
    done = operator(server, "set-mode", server.address, "wild")
    assert done.returncode == 2
    assert "gated_send" in done.stderr


def test_a_key_is_printed_alone_and_works(server: Server) -> None:
    done = operator(server, "create-key", "--name", "second", "--scopes", "read,oversight")
    assert (done.returncode, done.stderr) == (0, "")
    key = done.stdout.strip()
    assert re.fullmatch(r"mm_live_[a-z2-7]{32}", key)
    account = server.call("GET", "/v1/account", key=key).body["key"]
    assert (account["scopes"], account["mailbox_ids"], account["test"]) == (
        ["oversight", "read"],
        None,
        False,
    )
    assert key.encode() not in (server.data / "multimail.db-wal").read_bytes()


def test_a_test_key_that_is_limited_to_a_mailbox(server: Server) -> None:
    done = operator(server, "create-key", "--scopes", "read, send", "--mailbox", server.address, "--test")
    key = done.stdout.strip()
    assert key.startswith("mm_test_")
    account = server.call("GET", "/v1/account", key=key).body["key"]
    assert (account["mailbox_ids"], account["test"]) == ([server.mailbox_id], True)


@pytest.mark.parametrize("scopes", ["send,oversight", "admin,oversight", "owner", "operator", ""])
def test_keys_that_nobody_makes(server: Server, scopes: str) -> None:
    before = server.call("GET", "/v1/api-keys", key="admin").body["api_keys"]
    done = operator(server, "create-key", "--scopes", scopes)
    assert (done.returncode, done.stdout) == (1, "")
    assert len(done.stderr.splitlines()) == 1
    assert len(server.call("GET", "/v1/api-keys", key="admin").body["api_keys"]) == len(before)


def test_a_program_asks_and_the_owner_s_code_grants_exactly_that(server: Server) -> None:
    assert "No program asks" in operator(server, "code").stdout
    path, ask = f"/v1/mailboxes/{server.mailbox_id}", {"oversight_mode": "autonomous"}
    asked = server.call("PATCH", path, ask, key="admin")
    assert (asked.status, asked.body["status"]) == (202, "pending_approval")
    done = operator(server, "code")
    assert "goes from gated_send to the looser autonomous" in done.stdout
    found = re.match(r"\d{8}", done.stdout)
    assert found
    code = {"approval_code": found[0]}
    wrong = server.call("PATCH", path, {"human_written": True} | code, key="admin")
    assert wrong.body["code"] == "invalid_approval_code"
    assert server.call("PATCH", path, ask | code, key="admin").status == 200
    assert box(server) == "autonomous"
    assert "No program asks" in operator(server, "code").stdout


def test_an_oversight_address_is_proved_by_the_code_that_it_gets(server: Server) -> None:
    assert "Nothing was kept" in operator(server, "mail").stdout
    done = operator(server, "oversight-email", "boss@example.com")
    assert "--code CODE" in done.stdout
    codes: list[str] = []
    while not codes:  # the running server keeps the mail within a moment
        codes = re.findall(r"^ +(\d{8})$", operator(server, "mail").stdout, re.MULTILINE)
    done = operator(server, "oversight-email", "boss@example.com", "--code", codes[0])
    assert "is verified" in done.stdout
    assert server.call("GET", "/v1/account").body["oversight_email_verified_at"]
    assert operator(server, "oversight-email", server.address).returncode == 1
    assert "no oversight address" in operator(server, "oversight-email", "").stdout


def test_a_person_is_invited(server: Server) -> None:
    done = operator(server, "invite", "ann@example.com", "--role", "viewer")
    assert (done.returncode, "invited as viewer" in done.stdout) == (0, True)
    assert operator(server, "invite", server.address).returncode == 1


def test_people_are_listed_changed_and_removed(server: Server) -> None:
    assert operator(server, "invite", "ann@example.com", "--name", "Ann", "--role", "viewer").returncode == 0
    listed = operator(server, "list").stdout.splitlines()
    (ann,) = [line.split() for line in listed if "ann@example.com" in line]
    assert ann[1:4] == ["viewer", "invited", "Ann"] and len(listed) == 2
    done = operator(server, "change", "Ann@example.com", "--role", "approver", "--name", "Ann B")
    assert done.stdout == "Ann B is approver now.\n"
    owner = next(line.split()[0] for line in listed if "owner" in line)
    last = operator(server, "remove", owner)
    assert (last.returncode, "last owner" in last.stderr) == (1, True)
    assert operator(server, "remove", ann[0]).returncode == 0
    assert len(operator(server, "list").stdout.splitlines()) == 1
    assert operator(server, "remove", "ann@example.com").returncode == 1


def test_a_session_is_seen_and_ended(server: Server) -> None:
    assert operator(server, "sessions").stdout == "Nobody is signed in.\n"
    path = operator(server, "sign-in-link").stdout.strip().removeprefix(server.url)
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    server.call("POST", path, key=None, headers=form)
    (line,) = operator(server, "sessions").stdout.splitlines()
    assert operator(server, "revoke-session", line.split()[0]).returncode == 0
    assert operator(server, "sessions").stdout == "Nobody is signed in.\n"
    assert operator(server, "revoke-session", line.split()[0]).returncode == 1


def test_who_is_told_of_what_waits_is_shown_and_changed(server: Server) -> None:
    assert operator(server, "invite", "ann@people.test", "--name", "Ann").returncode == 0
    shown = operator(server, "notifications")
    assert "What waits never expires." in shown.stdout and "No chat is told." in shown.stdout
    flags = {
        "--whose": "ann@people.test",
        "--pending": "digest",
        "--digest-minutes": "60",
        "--escalate-after-minutes": "15",
        "--escalate-to": "ann@people.test",
        "--expire-after-hours": "24",
        "--chat": "https://9.9.9.9/services/SECRET",
        "--four-eyes": server.address,
        "--approvers": f"{server.address}=ann@people.test",
    }
    changed = operator(server, "notifications", *(word for pair in flags.items() for word in pair))
    assert (changed.returncode, changed.stderr) == (0, "")
    told = changed.stdout
    assert "Ann  ann@people.test  every 60 minutes  UTC" in told and "SECRET" not in told
    assert "After 15 minutes Ann is told too." in told and "After 24 hours" in told
    assert f"Nobody approves what they edited in {server.address}." in told
    assert f"For {server.address}, beside owners: Ann." in told and "told at 9.9.9.9." in told
    assert operator(server, "notifications").stdout == told
    off = [
        "--four-eyes",
        "",
        "--approvers",
        "",
        "--chat",
        "",
        "--escalate-to",
        "",
        "--expire-after-hours",
        "0",
    ]
    gone = operator(server, "notifications", *off).stdout
    assert "four" not in gone and "No chat is told." in gone and server.address not in gone
    nobody = operator(server, "notifications", "--whose", "eve@people.test", "--pending", "none")
    assert (nobody.returncode, "no such operator" in nobody.stderr) == (1, True)


def test_the_owner_s_export_holds_what_no_key_sees(server: Server, tmp_path: Path) -> None:
    assert operator(server, "set-mode", server.address, "gated_all").returncode == 0
    server.receive(b"From: eve@example.com\r\nSubject: Held\r\n\r\nSecret words.\r\n")
    server.until("/v1/oversight/pending", lambda page: page["pending"], key="oversight")
    path = tmp_path / "all.tar"
    done = operator(server, "export", str(path))
    assert (done.returncode, done.stderr) == (0, "")
    assert path.stat().st_mode & 0o777 == 0o600
    with tarfile.open(path) as archive:
        names = archive.getnames()
        (letter,) = [name for name in names if name.startswith("emails/") and name.endswith(".eml")]
        held = archive.extractfile(letter)
        assert held and b"Secret words." in held.read()
    assert "complete.json" in names
    again = operator(server, "export", str(path))
    assert (again.returncode, "is there already" in again.stderr) == (1, True)
    soon = operator(server, "export", str(tmp_path / "second.tar"))
    assert (soon.returncode, "once an hour" in soon.stderr) == (1, True)
    assert [one.name for one in tmp_path.glob("*.tar*")] == ["all.tar"]


def test_sending_is_paused_and_goes_on(server: Server) -> None:
    done = operator(server, "pause")
    assert done.stdout.startswith("Nothing leaves the account since ")
    assert server.call("GET", "/v1/account").body["paused_at"]
    assert operator(server, "pause", server.address).returncode == 0
    assert operator(server, "resume").stdout == "Mail leaves the account again.\n"
    assert server.call("GET", "/v1/account").body["paused_at"] is None
    assert server.call("GET", f"/v1/mailboxes/{server.mailbox_id}").body["paused_at"]
    assert operator(server, "resume", server.address).returncode == 0
    assert operator(server, "pause", "nobody@example.com").returncode == 1


def test_a_sign_in_link_leads_to_the_running_server(server: Server) -> None:
    done = operator(server, "sign-in-link")
    assert (done.returncode, done.stderr) == (0, "")
    assert re.fullmatch(re.escape(server.url) + r"/dashboard/sign-in/[\w-]{32}\n", done.stdout)
    path = done.stdout.strip().removeprefix(server.url)
    assert server.call("GET", path, key=None).status == 200


def test_a_link_starts_with_the_public_url_if_there_is_one(tmp_path: Path) -> None:
    with Server(tmp_path / "data", "--public-url", "https://mail.example.com/") as server:
        assert operator(server, "sign-in-link").stdout.startswith("https://mail.example.com/dashboard/")
        server.stop()
        assert operator(server, "sign-in-link").stdout.startswith("https://mail.example.com/dashboard/")
        other = operator(server, "sign-in-link", MULTIMAIL_PUBLIC_URL="https://other.example.com")
        assert other.stdout.startswith("https://other.example.com/dashboard/")


def test_the_dns_records_carry_the_key_that_it_signs_with(server: Server) -> None:
    done = operator(server, "dns", "--domain", "example.com")
    assert done.returncode == 0
    line = next(
        line for line in done.stdout.splitlines() if line.startswith("mm1._domainkey.example.com. IN TXT ")
    )
    strings = re.findall(r'"([^"]*)"', line)
    assert all(len(string) <= 255 for string in strings)
    public = load_der_public_key(base64.b64decode("".join(strings).partition("p=")[2]))
    assert public.key_size == 2048
    assert "local.example.com. IN MX 10 mail.example.com." in done.stdout
    assert operator(server, "dns", "--domain", "example.com").stdout == done.stdout
    assert "give --domain" in operator(server, "dns").stdout


def test_the_installations_keys_are_rotated(server: Server) -> None:
    before = operator(server, "dns", "--domain", "example.com").stdout
    assert (
        "mm1-ed25519._domainkey.example.com. IN TXT" in before and before.count("It signs this domain") == 2
    )
    assert operator(server, "rotate-keys").returncode == 0
    after = operator(server, "dns", "--domain", "example.com").stdout
    assert after.count("It signs this domain") == 2 and after.count("It signs mail once it is seen") == 2
    again = operator(server, "rotate-keys")
    assert again.returncode == 1 and "wait to be published" in again.stderr


def test_a_domain_of_ones_own(server: Server) -> None:
    assert "add-domain claims one" in operator(server, "domains").stdout
    made = operator(server, "add-domain", "Brand.example")
    assert made.returncode == 0 and "_multimail.brand.example. IN TXT" in made.stdout
    assert "brand.example. IN MX 10 mail.multimail.test." in made.stdout
    strings = re.findall(r'"([^"]*)"', made.stdout)
    assert all(len(string) <= 255 for string in strings)
    assert operator(server, "dns", "brand.example").stdout in made.stdout
    done = operator(server, "verify-domain", "brand.example")  # a name that nobody can register
    assert "brand.example  pending: there is nothing at _multimail.brand.example" in done.stdout
    assert operator(server, "domains").stdout == done.stdout
    assert operator(server, "rotate-keys", "brand.example").returncode == 1
    assert "There is no such domain" in operator(server, "verify-domain", "other.example").stderr


def test_it_works_while_no_server_runs(server: Server) -> None:
    server.stop()
    assert operator(server, "set-mode", server.address, "gated_all").returncode == 0
    key = operator(server, "create-key", "--scopes", "read").stdout.strip()
    server.start()
    assert (
        server.call("GET", f"/v1/mailboxes/{server.mailbox_id}", key=key).body["oversight_mode"]
        == "gated_all"
    )


def test_a_folder_without_a_database_is_not_made_into_one(tmp_path: Path) -> None:
    for data in (tmp_path / "none", tmp_path):
        done = command_line("operator", "--data", data, "code")
        assert done.returncode == 2
        assert "there is no database" in done.stderr
        assert len(done.stderr.splitlines()) == 1
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_is_no_database_is_told_without_a_traceback(tmp_path: Path) -> None:
    (tmp_path / "multimail.db").write_bytes(b"not a database at all" * 100)
    done = command_line("operator", "--data", tmp_path, "code")
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert (tmp_path / "multimail.db").read_bytes().startswith(b"not a database")


def test_the_folder_may_come_from_a_variable_or_stand_after_the_action(
    server: Server, tmp_path: Path
) -> None:
    assert multimail("operator", "code", environment={"MULTIMAIL_DATA": str(server.data)}).returncode == 0
    assert multimail("operator", "code", "--data", server.data).returncode == 0
    shutil.rmtree(tmp_path / "data" / "blobs", ignore_errors=True)
    assert (
        command_line("operator", "code", "--database", f"sqlite:///{server.data}/multimail.db").returncode
        == 0
    )


def test_on_postgresql_too(postgres_url: str, tmp_path: Path) -> None:
    with Server(tmp_path / "data", "--database", postgres_url) as server:
        at = ["--data", str(server.data), "--database", postgres_url]
        assert multimail("operator", *at, "set-mode", server.address, "autonomous").returncode == 0
        assert box(server) == "autonomous"
        demo = multimail("demo", "--data", server.data)
        assert (demo.returncode, demo.stderr) == (0, "")
        assert multimail("audit", *at, "verify").returncode == 0
