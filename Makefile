# The everyday commands. Each one is a script, so that everything works without make too.
# ENV names the environment: make deploy ENV=local-b
ENV ?= local

.DEFAULT_GOAL := check
.PHONY: setup fmt lint type test check deploy destroy bench lock permissions

# Everything this machine needs: .venv, the engine, the embedded AWS's environment.
setup:
	scripts/setup.sh

fmt:
	scripts/setup.sh venv
	.venv/bin/ruff check --fix --quiet .
	.venv/bin/ruff format --quiet .

lint:
	scripts/lint.sh style imports shell

type:
	scripts/lint.sh types

test:
	scripts/test.sh

# What CI runs.
check:
	.ci/run

deploy:
	scripts/deploy_all.sh $(ENV)

destroy:
	scripts/destroy_all.sh $(ENV)

# Measurements, not tests: they say how long things take here. All take hours; make bench ROWS="send ingest" takes some.
ROWS ?=
bench:
	scripts/setup.sh
	.venv/bin/python -P -m tests.bench $(ROWS)

# docs/permissions.md again, after proving every permission in an embedded AWS of its own.
permissions:
	scripts/setup.sh
	.venv/bin/python -P -m tests.integration.minimality

# The lock files again, at the newest versions pyproject.toml and the .in files allow.
lock:
	scripts/setup.sh lock
