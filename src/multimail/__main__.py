"""`python -m multimail` is `multimail`."""

from multimail.commands import main

main()
