"""MCP: every operation that a key may use, as a tool for a model (https://modelcontextprotocol.io).

`transport.py` is the way in at /mcp, `server.py` what is answered there, `tools.py` how an operation looks to a
model, `words.py` how strangers' words are kept apart from what the server itself says.
"""
