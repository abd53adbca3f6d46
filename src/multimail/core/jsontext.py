"""JSON text as it is stored: compact, Unicode kept. One encoder, because making one costs more than using it."""

import json
from collections.abc import Callable
from typing import Any, Final

_encode: Final = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
_EMPTY: Final[dict[type, str]] = {list: "[]", dict: "{}"}


def to_json(value: Any) -> str:
    """Of an email's many lists most are empty, and for those no encoder is asked."""
    return _encode(value) if value else _EMPTY.get(type(value)) or _encode(value)


sorted_json: Final[Callable[[Any], str]] = json.JSONEncoder(
    ensure_ascii=False, separators=(",", ":"), sort_keys=True
).encode
