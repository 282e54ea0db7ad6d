# Each target sets up what it needs; .venv is made once per change of pyproject.toml or constraints.txt.
PYTHON ?= python3
BIN := .venv/bin
ARGS ?=

.venv/ready: pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[test]'
	touch .venv/ready

.PHONY: demo test lint screenshot chaos bench-dbt
demo: .venv/ready
	@$(BIN)/dbt-refresh demo $(ARGS)

test: .venv/ready lint
	$(BIN)/python -m pytest -n 3 --dist loadgroup $(ARGS)

# The README's picture, out of the browser test.
screenshot: .venv/ready
	SCREENSHOT=docs/thread.png $(BIN)/python -m pytest tests/browser

lint: .venv/ready
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/basedpyright --level error

chaos: .venv/ready
	$(BIN)/python -m bench.chaos $(ARGS)

bench-dbt: .venv/ready
	@$(BIN)/python -m bench.dbt $(ARGS)

# Random tables against plain Python, other ones each time, so many of each kind.
CASES ?= 3000
.PHONY: brute
brute: .venv/ready
	COMPARISONS=$(CASES) $(BIN)/python -m pytest --timeout 0 tests/contract/test_comparison_brute*.py $(ARGS)

# What the comparison costs beside one scan of both tables: ARGS="--rows 10000000 --json"
.PHONY: bench
bench: .venv/ready
	@$(BIN)/python -m bench.compare $(ARGS)
