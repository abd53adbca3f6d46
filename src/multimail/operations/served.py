"""Recipients that we serve ourselves: mailboxes hosted here, the sandbox, and the simulator.

The simulator's addresses play an outcome, so that an agent's handling of it can be tried (contract §3):
delivered@, bounce@, defer@ and complaint@ at simulator.<platform domain>. Their mail never leaves.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final, Protocol


class Result(Protocol):
    """What became of one recipient: mail.deliver.Result from the far side, or Kept."""

    @property
    def outcome(self) -> str: ...
    @property
    def code(self) -> int | None: ...
    @property
    def enhanced(self) -> str | None: ...
    @property
    def message(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Kept:
    """A recipient that we served ourselves."""

    outcome: str
    code: int | None
    message: str
    enhanced: str | None = None  # what we answer ourselves judges no address


HOSTED: Final = Kept("delivered", 250, "kept in a mailbox hosted here")
SANDBOXED: Final = Kept("delivered", None, "sandbox: nothing left")
SUPPRESSED: Final = Kept("failed", 550, "5.7.1 On the suppression list: nothing was sent")
UNKNOWN: Final = Kept("failed", 550, "5.1.1 The simulator plays delivered, bounce, defer and complaint")
PLAYS: Final[Mapping[str, Kept]] = {
    "delivered": Kept("delivered", 250, "2.0.0 Played by the simulator"),
    "bounce": Kept("delivered", 250, "2.0.0 Played by the simulator, which bounces it now"),
    "defer": Kept("deferred", 451, "4.3.0 Played by the simulator: try again later"),
    "complaint": Kept("delivered", 250, "2.0.0 Played by the simulator, which complains now"),
}


def is_simulated(address: str, platform: str) -> bool:
    return address.rpartition("@")[2].lower() == f"simulator.{platform}"


def played(addresses: Iterable[str]) -> dict[str, Result]:
    """What each simulated recipient answers."""
    return {address: PLAYS.get(local_part(address), UNKNOWN) for address in addresses}


def local_part(address: str) -> str:
    return address.rpartition("@")[0].lower()
