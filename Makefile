# certdash: `make run` starts it, `make test` proves it. Each target installs what it needs and can be run again.
.DEFAULT_GOAL := help
.PHONY: help run test test-long demo bench lock landed venv venv-dev format

M := contrib/make
PYTHON := .venv/bin/python

help:
	@echo "make run        start certdash on 127.0.0.1:8000 (CERTDASH_BIND changes it); Ctrl-C ends it"
	@echo "make demo       start a separate instance in var/demo, filled by a real scan of the lab"
	@echo "make test       install what the tests need, then format, lint, types, imports and the suite"
	@echo "make test-long  the long fault matrices"
	@echo "make bench      measure, print tables, write bench/results.json"
	@echo "make format     bring Python files and templates into form"
	@echo "make lock       compile requirements*.in into pinned, hashed requirements*.txt"

run:
	@$(M)/packages run
	@$(M)/venv requirements.txt
	@exec $(PYTHON) manage.py serve --prepare

demo:
	@$(M)/packages run
	@$(M)/venv requirements.txt
	@exec $(M)/demo

test:
	@$(M)/packages test
	@$(M)/venv requirements.txt requirements-postgres.txt requirements-dev.txt
	@exec $(M)/check

test-long:
	@$(M)/packages test
	@$(M)/venv requirements.txt requirements-postgres.txt requirements-dev.txt
	@exec $(M)/check-long

bench:
	@$(M)/packages test
	@$(M)/venv requirements.txt requirements-postgres.txt requirements-dev.txt
	@exec $(M)/bench

format: venv-dev
	@.venv/bin/ruff format .
	@.venv/bin/ruff check --fix .
	@.venv/bin/djlint templates --reformat --quiet

venv:
	@$(M)/venv requirements.txt

venv-dev:
	@$(M)/venv requirements.txt requirements-postgres.txt requirements-dev.txt

lock: venv-dev
	@$(M)/lock

# Records the migrations that are about to land (tests/data/README.md).
landed: venv-dev
	@test -n "$(LABEL)" || { echo "usage: make landed LABEL=0.2.0"; exit 2; }
	@$(PYTHON) -m tests.migrating record "$(LABEL)"
