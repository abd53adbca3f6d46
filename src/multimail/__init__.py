"""MultiMail: email for AI agents, with a human in charge."""

__version__ = "0.1.0"
