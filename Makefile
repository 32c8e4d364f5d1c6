# The everyday commands. Each one is a script, so that everything works without make too.
# ENV names the environment: make deploy ENV=local-b
ENV ?= local

.DEFAULT_GOAL := check
.PHONY: setup fmt lint type test coverage check deploy destroy bench lock promises release docs tour permissions goldens sizes

# Everything this machine needs: .venv, the engine, the embedded AWS's environment.
setup:
	scripts/setup.sh

fmt:
	scripts/setup.sh venv
	.venv/bin/ruff check --fix --quiet .
	.venv/bin/ruff format --quiet .

lint:
	scripts/lint.sh style words imports shell workflows

type:
	scripts/lint.sh types

test:
	scripts/test.sh

# Branches covered by the tiers that start no AWS: of the layers, of the handlers and of the tool at least 95 % each.
coverage:
	scripts/setup.sh
	.venv/bin/coverage erase
	.venv/bin/coverage run -m pytest -n 2 --dist loadfile tests/unit tests/stacks tests/lambdas tests/contract
	.venv/bin/coverage combine --quiet
	.venv/bin/coverage report --fail-under=95 --include='foundation/*,data/*,compute/*,observability/*'
	.venv/bin/coverage report --fail-under=95 --include='lambda_src/*'
	.venv/bin/coverage report --fail-under=95 --include='scripts/estate_tool/*'

# What CI runs.
check:
	.ci/run

deploy:
	scripts/deploy_all.sh $(ENV)

destroy:
	scripts/destroy_all.sh $(ENV)

# Measurements, not tests: they say how long things take here. All take half an hour; make bench ROWS="send ingest" takes some.
ROWS ?=
bench:
	scripts/setup.sh
	env -u PYTHONDONTWRITEBYTECODE .venv/bin/python -P -m tests.bench $(ROWS)

# The generated parts of docs/ again: diagrams, configuration, outputs, alarms.
docs:
	scripts/setup.sh venv
	.venv/bin/python -P -m tests.support.documents
	.venv/bin/python -P -m tests.support.alarm_table
	ESTATE_UPDATE=new .venv/bin/python -m pytest -q tests/contract/test_urns.py tests/unit/observability/test_alarms.py -k 'urn or snapshot'

# docs/tour.md and its pictures again, from a real run; needs Chromium.
tour:
	scripts/setup.sh
	.venv/bin/python -P -m tests.integration.tour

# docs/permissions.md again, after proving every permission in an embedded AWS of its own.
permissions:
	scripts/setup.sh
	.venv/bin/python -P -m tests.integration.minimality

# The lock files again, at the newest versions pyproject.toml and the .in files allow; make lock PACKAGE=boto3 lifts
# that one alone, and what it needs.
PACKAGE ?=
lock:
	scripts/setup.sh lock$(if $(PACKAGE),=$(PACKAGE))

# docs/promises.json again: commands and flags, configuration keys and outputs that a version promises.
promises:
	scripts/setup.sh venv
	.venv/bin/python -P -m tests.support.promises

# The recordings of the commands' output again (tests/unit/tool/golden); look at the difference before it is committed.
goldens:
	scripts/setup.sh venv
	GOLDENS=record .venv/bin/python -m pytest -q tests/unit/tool/test_golden.py

# A release: make release VERSION=1.2.0 dates the changelog, sets the version, commits and tags; nothing is pushed.
VERSION ?=
release:
	scripts/setup.sh "release=$(VERSION)"

# Lines and files of Python, by part (docs/maintaining.md has the aims).
sizes:
	@for part in "foundation data compute observability lambda_src" scripts/estate_tool scripts/local_aws tests; do \
	  files=$$(git ls-files $$part | grep '\.py$$'); \
	  echo "$$part: $$(cat $$files | wc -l) lines, $$(echo "$$files" | wc -l) files"; \
	done
