from typing import Any

from multimail.core import return_path
from multimail.core.ids import make_id

SECRET = b"a secret of the tests"
EMAIL = make_id("eml", 1_790_000_000_000, 7)
ADDRESS = return_path.make(SECRET, EMAIL, "Bob@example.test", "acme.multimail.test")


def test_it_names_its_email_and_fits_an_address():
    path = return_path.read(ADDRESS)
    assert (path.email_id, path.domain) == (EMAIL, "acme.multimail.test")
    assert len(ADDRESS.partition("@")[0]) <= 64 and ADDRESS.lower() == ADDRESS
    assert return_path.read(ADDRESS.upper()) == path


def test_only_its_own_recipient_and_secret_fit():
    path: Any = return_path.read(ADDRESS)
    assert return_path.belongs_to(SECRET, path, "bob@EXAMPLE.test")
    assert not return_path.belongs_to(SECRET, path, "carol@example.test")
    assert not return_path.belongs_to(b"another", path, "bob@example.test")
    other = return_path.read(return_path.make(SECRET, make_id("eml", 1, 1), "bob@example.test", "x.test"))
    assert other.mac != path.mac


def test_other_addresses_are_none():
    for address in (
        "",
        "bounce@acme.test",
        "support@acme.test",
        ADDRESS.replace("bounce+", "bounce-"),
        ADDRESS[1:],
    ):
        assert return_path.read(address) is None
