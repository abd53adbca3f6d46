"""MultiMail: email for AI agents, with a human in charge."""
