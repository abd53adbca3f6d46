"""The mail formats and protocols: what is read, composed, signed and delivered. No database."""
