"""Jobs: rows that are leased, done at least once, with an effect that is the same the second time."""
