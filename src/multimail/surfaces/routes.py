"""Every route of every operation (contract §6): a table, and a look-up by segments of the path."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote_to_bytes

from multimail.operations.operation import Operation
from multimail.surfaces.spellings import Spelling, spelling_of


@dataclass(frozen=True, slots=True)
class Target:
    """One operation at one method and path. `named` says that it is spelled by name (contract §6c); `inputs` are
    the names in the path, in order."""

    operation: Operation
    method: str
    path: str
    pinned: Mapping[str, Any]
    named: bool
    spelling: Spelling
    inputs: tuple[str, ...] = field(init=False)

    def __post_init__(self) -> None:
        names = tuple(part.strip("{}") for part in self.path.split("/") if part.startswith("{"))
        object.__setattr__(self, "inputs", names)


def targets(operations: Sequence[Operation]) -> list[Target]:
    """In the registry's order; a route that is declared beats one by name."""
    names = {f"/{operation.name}" for operation in operations}
    found: dict[tuple[str, str], Target] = {}
    for operation in operations:
        spelling = spelling_of(operation)
        declared: list[tuple[str, str, Mapping[str, Any]]] = [(operation.method, operation.path, {})]
        declared += [(route.method, route.path, route.pinned) for route in operation.also]
        for method, path, pinned in declared:
            if (method, path) in found:
                raise ValueError(f"{method} {path} is {found[method, path].operation.name} already")
            found[method, path] = Target(operation, method, path, pinned, path in names, spelling)
    for operation in operations:
        path, spelling = f"/{operation.name}", spelling_of(operation)
        for method in ("POST", "GET") if operation.effect == "read" else ("POST",):
            found.setdefault((method, path), Target(operation, method, path, {}, True, spelling))
    return list(found.values())


@dataclass(slots=True)
class Node:
    """One segment of a path. `methods` is empty where no route ends."""

    static: "dict[str, Node]" = field(default_factory=dict)
    any: "Node | None" = None
    methods: dict[str, Target] = field(default_factory=dict)

    def find(
        self, segments: Sequence[str], values: tuple[str, ...] = ()
    ) -> "tuple[Node, tuple[str, ...]] | None":
        """Where a path ends, and its inputs. A word of the path beats an input; an input is never empty."""
        if not segments:
            return (self, values) if self.methods else None
        head, rest = segments[0], segments[1:]
        exact = self.static.get(head)
        found = exact.find(rest, values) if exact else None
        return found or (self.any.find(rest, (*values, head)) if self.any and head else None)


def build_tree(found: Sequence[Target]) -> Node:
    root = Node()
    for target in found:
        node = root
        for segment in target.path.strip("/").split("/"):
            if segment.startswith("{"):
                node.any = node.any or Node()
                node = node.any
            else:
                node = node.static.setdefault(segment, Node())
        node.methods[target.method] = target
        if target.method == "GET":
            node.methods["HEAD"] = target
    return root


def split_path(raw: bytes) -> list[str] | None:
    """Segments as the client wrote them: an encoded slash stays inside its own. None if unreadable."""
    try:
        segments = [
            (unquote_to_bytes(part) if b"%" in part else part).decode() for part in raw[1:].split(b"/")
        ]
    except UnicodeDecodeError:
        return None
    return None if any("\0" in segment for segment in segments) else segments
