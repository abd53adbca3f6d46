"""Where atheris has no wheel, what needs it is not collected: the targets still read their seeds."""

from importlib.util import find_spec

collect_ignore = [] if find_spec("atheris") else ["test_fuzz.py"]
