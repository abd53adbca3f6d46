"""JSON text as it is stored: compact, Unicode kept. One encoder, because making one costs more than using it."""

import json
from collections.abc import Callable
from typing import Any, Final

to_json: Final[Callable[[Any], str]] = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
sorted_json: Final[Callable[[Any], str]] = json.JSONEncoder(
    ensure_ascii=False, separators=(",", ":"), sort_keys=True
).encode
