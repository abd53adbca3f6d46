"""What a client has said that it can do; apart, for the bridge of `multimail mcp` needs nothing else of the server."""

import mcp_types as types


def opens_links(capabilities: types.ClientCapabilities | None) -> bool:
    """Whether it opens links for a person (elicitation.url)."""
    return bool(capabilities and capabilities.elicitation and capabilities.elicitation.url)
