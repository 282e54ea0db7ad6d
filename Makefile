# Each target sets up what it needs; .venv is made once per change of pyproject.toml or constraints.txt.
PYTHON ?= python3
BIN := .venv/bin
ARGS ?=

.venv/ready: pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[test]'
	touch .venv/ready

.PHONY: demo test lint bench-dbt
demo: .venv/ready
	@$(BIN)/dbt-refresh demo $(ARGS)

test: .venv/ready lint
	$(BIN)/python -m pytest -n 2 --dist loadgroup $(ARGS)

lint: .venv/ready
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/basedpyright --level error

bench-dbt: .venv/ready
	@$(BIN)/python -m bench.dbt $(ARGS)
