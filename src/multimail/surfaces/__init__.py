"""What the outside talks to: translation only, no SQL and no policy."""
