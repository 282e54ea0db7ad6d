# Each target sets up what it needs; .venv is made once per change of pyproject.toml or constraints.txt.
PYTHON ?= python3
BIN := .venv/bin
ARGS ?=

.venv/ready: pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r constraints.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps -e .
	touch .venv/ready

# Pins every dependency anew, with its hashes.
.PHONY: lock
lock: .venv/ready
	$(BIN)/python -m pip install --quiet --disable-pip-version-check uv==0.13.9
	$(BIN)/python -m bench.lock

# Known holes in the pinned versions, looked up once per change of them. Where the data cannot be reached, it says so.
.venv/audited: .venv/ready constraints.txt
	@$(BIN)/pip-audit --disable-pip --no-deps --require-hashes -r constraints.txt --progress-spinner off --format json --output $@.json \
	  || { cat $@.json; exit 1; }
	@grep -q '"vulns"' $@.json && touch $@ || echo 'pip-audit cannot reach its data from here; the pinned versions were not looked up.'

.PHONY: demo test lint screenshot chaos bench-dbt
demo: .venv/ready
	@$(BIN)/dbt-refresh demo $(ARGS)

test: .venv/ready lint
	$(BIN)/python -m pytest -n 3 --dist loadgroup $(ARGS)

# The README's picture, out of the browser test.
screenshot: .venv/ready
	SCREENSHOT=docs/thread.png $(BIN)/python -m pytest tests/browser

lint: .venv/ready .venv/audited
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/basedpyright --level error

chaos: .venv/ready
	$(BIN)/python -m bench.chaos $(ARGS)

# Breaks one safety rule at a time and runs the tests that should see it.
.PHONY: mutants
mutants: .venv/ready
	@$(BIN)/python -m bench.mutants $(ARGS)

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
