"""A DNS of one table, in place of the resolver: what is not in it does not exist."""

import ipaddress
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

BROKEN = "broken"  # in place of records: nobody answers


@dataclass
class Names:
    """`table` has the records by (name, type) as a zone file writes them; `asked` what was looked up, in order."""

    table: Mapping[tuple[str, str], Sequence[str] | str] = field(default_factory=dict)
    asked: list[tuple[str, str]] = field(default_factory=list)

    def _records(self, name: str, kind: str) -> Sequence[str]:
        name = name.rstrip(".").lower()
        self.asked.append((name, kind))
        records = self.table.get((name, kind), ())
        if records == BROKEN:
            raise OSError(f"{name}: the test's name server is broken")
        if not records and not any(known == name for known, _ in self.table):
            raise LookupError(name)
        return records

    async def txt(self, name: str) -> tuple[bytes, ...]:
        return tuple(one.encode() for one in self._records(name, "TXT"))

    async def mx(self, domain: str) -> tuple[tuple[int, str], ...]:
        pairs = (one.split() for one in self._records(domain, "MX"))
        return tuple((int(preference), host) for preference, host in pairs)

    async def addresses(self, host: str) -> tuple[str, ...]:
        found = (*self._records(host, "A"), *self._records(host, "AAAA"))
        if not found:
            raise LookupError(host)
        return found

    async def pointers(self, address: str) -> tuple[str, ...]:
        return tuple(self._records(ipaddress.ip_address(address).reverse_pointer, "PTR"))
