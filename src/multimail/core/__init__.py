"""What is allowed and what follows from it: pure functions, standard library only, no I/O, no clock."""
