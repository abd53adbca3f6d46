# Each line works on a fresh Debian 12 with nothing but make and python3: scripts/setup brings the rest.
.PHONY: run test check bench contracts docs requirements

run:           # make run ARGS='--http 127.0.0.1:9000'
	@scripts/setup run && exec .venv/bin/multimail serve $(ARGS)

# A test that fails on a crowded machine is tried twice more, and the summary names it as RERUN: that is one to mend.
test:          # make test PYTEST='tests/core -k oversight'
	@scripts/setup test && exec .venv/bin/python -m pytest -n auto --reruns 2 $(PYTEST)

check:
	@scripts/setup dev && exec scripts/check

bench:         # make bench ARGS='--only send'
	@scripts/setup test && exec .venv/bin/python -m bench $(ARGS)

contracts:
	@scripts/setup run && exec .venv/bin/python -m multimail.contracts

docs:          # the documentation, which the server then has at /docs
	@scripts/setup dev && exec .venv/bin/python scripts/site

requirements:  # rewrites requirements/*.txt from pyproject.toml and examples/*/requirements.txt
	@scripts/lock
