"""What reaches outside: the DNS and the guarded HTTP client."""
