"""`multimail doctor`: each fault is found, and said with what to do."""

import json
import socket
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from multimail.commands import doctor_network
from multimail.commands.doctor_finding import Level
from multimail.settings import read_settings
from tests.support.names import Names
from tests.support.server import Server, multimail


def findings(*words: object) -> dict[str, list[dict]]:
    done = multimail("doctor", *map(str, words))
    found: dict[str, list[dict]] = {}
    for line in done.stdout.splitlines():
        one = json.loads(line)
        found.setdefault(one["check"], []).append(one)
    assert done.returncode == int(any(one["level"] == "wrong" for each in found.values() for one in each)), (
        done
    )
    return found


def only(found: dict[str, list[dict]], check: str) -> tuple[str, str]:
    (one,) = found[check]
    return one["level"], one["said"]


def test_a_sound_server_has_nothing_wrong(server: Server) -> None:
    found = findings("--data", server.data)
    assert all(one["level"] != "wrong" for each in found.values() for one in each)
    assert server.url in only(found, "http")[1]


def test_a_folder_and_keys_that_others_can_read(server: Server) -> None:
    server.data.chmod(0o755)
    (server.data / "operator.env").chmod(0o644)
    found = findings("--data", server.data, "--only", "data,secrets")
    assert found["data"][0]["fix"] == f"chmod 700 {server.data}"
    assert found["secrets"][0]["fix"].startswith("chmod 600")


def test_a_database_that_is_damaged_too_new_or_away(tmp_path: Path) -> None:
    (tmp_path / "multimail.db").write_bytes(b"SQLite format 3\0" + b"nonsense" * 1000)
    assert only(findings("--data", tmp_path, "--only", "database"), "database")[0] == "wrong"
    away = "postgresql://nobody@127.0.0.1:1/none"
    assert (
        only(findings("--data", tmp_path, "--database", away, "--only", "database"), "database")[0] == "wrong"
    )


def test_the_key_of_the_secrets_is_gone(server: Server) -> None:
    server.stop()
    (server.data / "secret.key").unlink()
    assert only(findings("--data", server.data, "--only", "sealing"), "sealing")[0] == "wrong"


def test_a_port_that_is_taken(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        found = findings("--data", tmp_path, "--http", address, "--only", "http")
    assert found["http"][0]["level"] == "wrong" and "ss -ltnp" in found["http"][0]["fix"]


def test_a_server_that_is_gone_without_a_word(server: Server) -> None:
    server.kill()
    assert only(findings("--data", server.data, "--only", "http"), "http")[0] == "warning"


def test_a_relay_that_does_not_answer(tmp_path: Path) -> None:
    found = findings("--data", tmp_path, "--deliver", "smtp://127.0.0.1:1", "--only", "delivery")
    assert only(found, "delivery")[0] == "wrong"


def certificate(folder: Path, name: str, days: int) -> list[str]:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=400))
        .not_valid_after(now + timedelta(days=days))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), False)
        .sign(key, hashes.SHA256())
    )
    (folder / "cert.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (folder / "key.pem").write_bytes(private)
    return ["--tls-cert", str(folder / "cert.pem"), "--tls-key", str(folder / "key.pem")]


@pytest.mark.parametrize(
    ("name", "days", "level"),
    [
        ("mail.example.org", 90, "ok"),
        ("*.example.org", 90, "ok"),
        ("mail.example.org", 3, "warning"),
        ("mail.example.org", -1, "wrong"),
        ("other.example.org", 90, "wrong"),
    ],
)
def test_certificates(tmp_path: Path, name: str, days: int, level: str) -> None:
    flags = [*certificate(tmp_path, name, days), "--public-url", "https://mail.example.org", "--only", "tls"]
    assert only(findings("--data", tmp_path, *flags), "tls")[0] == level


def test_open_to_the_world_without_tls(tmp_path: Path) -> None:
    assert only(findings("--data", tmp_path, "--http", "0.0.0.0:0", "--only", "tls"), "tls")[0] == "wrong"


@pytest.mark.parametrize(
    ("dnssec", "level"), [("on", Level.GOOD), ("off", Level.GOOD), ("auto", Level.WARNING)]
)
async def test_whether_dane_is_kept_to(monkeypatch: pytest.MonkeyPatch, dnssec: str, level: Level) -> None:
    monkeypatch.setattr("multimail.net.dns.believed", lambda servers: False)
    found = await doctor_network.delivery(read_settings({"deliver": "mx", "dnssec": dnssec}, {}))
    assert [one.level for one in found if "DANE" in one.said] == [level]


async def test_dns_records_that_are_missing_and_right(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = Names()
    monkeypatch.setattr(doctor_network, "Resolver", lambda timeout: names)
    settings = read_settings({"data": str(server.data), "deliver": "mx", "domain": "example.org"}, {})
    found = await doctor_network.records(settings)
    assert [one.level for one in found].count(Level.BAD) == 4
    assert all("operator dns" in one.fix or "A (and AAAA)" in one.fix for one in found)
