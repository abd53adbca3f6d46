"""A job as a worker holds it: by lease, so that one who lost it writes nothing."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Lease:
    """A job that this worker holds; nothing is written for one that was lost to another."""

    account_id: str
    kind: str
    subject_id: str
    owner: str

    @property
    def name(self) -> dict[str, str]:
        return {
            "account_id": self.account_id,
            "kind": self.kind,
            "subject_id": self.subject_id,
            "lease_owner": self.owner,
        }
