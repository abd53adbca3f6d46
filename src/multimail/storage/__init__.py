"""Everything that is kept: the only SQL of the product, and the blob store beside it."""
