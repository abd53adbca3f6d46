"""What the product can do: one file per noun, one function per operation, one door: invoke()."""
