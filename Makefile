# Everything a fresh clone needs: Python 3.11 or newer, make, git. `make demo`, `make test`.
PYTHON ?= python3
UV_VERSION := 0.13.8
BIN := .venv/bin
export UV_COMPILE_BYTECODE := 1
# Each process would compile all sources, and pytest rewrite all tests, once more: a second of each, seven of a suite's.
unexport PYTHONDONTWRITEBYTECODE
export UV_PROJECT_ENVIRONMENT := .venv
# What this folder works with, if a run was told (see trading_assets.folder), else ./data.
REMEMBERED_DATA := $(shell sed -n "s/^data: *//p" trading_assets.folder 2>/dev/null)
export TRADING_ASSETS_DATA ?= $(or $(REMEMBERED_DATA),$(CURDIR)/data)

.PHONY: demo picture test test-slow coverage coverage-report test-browser acceptance ui docs bench bench-runs bench-gate go-rate restore-drill watched-year planted promises paper year online divergence format lint clean help

help:
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 16

demo: .installed-run ## run every stage on the demo configuration and print the verdicts
	@$(BIN)/trading-assets run

ui: .installed-run ## the Dagster UI on http://localhost:3000
	@$(BIN)/trading-assets ui

picture: demo ## the picture in the README, taken with a headless Chromium
	@mkdir -p docs
	@chromium --headless=new --no-sandbox --disable-gpu --hide-scrollbars --disable-background-networking \
		--window-size=1160,1750 --virtual-time-budget=4000 --user-data-dir=$$(mktemp -d) \
		--screenshot=docs/report.png file://$(TRADING_ASSETS_DATA)/demo/reports/equity_momentum.html 2>/dev/null

# Folders of tests are in memory where it has 4 GiB to spare: thousands of commits then wait for no disk.
MEMORY := $(shell df -Pm /dev/shm 2>/dev/null | awk 'NR == 2 && $$4 >= 4096 { print "/dev/shm" }')
test test-slow coverage coverage-report: export PYTEST_DEBUG_TEMPROOT ?= $(MEMORY)
test test-slow: export POLARS_MAX_THREADS ?= 1
PARALLEL := -n 2 --dist loadfile --no-loadscope-reorder
test: .installed-dev ## the test suite
	@$(BIN)/python -m pytest $(PARALLEL)

test-slow: .installed-dev ## the tests that take more than two seconds each: whole runs, months one by one, upgrades
	@$(BIN)/python -m pytest $(PARALLEL) -m 'slow and not acceptance'

coverage: .installed-dev ## both, and the lines that they do not reach
	@$(BIN)/python -m pytest $(PARALLEL) -m 'not acceptance and not browser' --cov --cov-report=term:skip-covered

coverage-report: .installed-dev ## the same, with JUnit's and Cobertura's files for a CI in build/tests
	@mkdir -p build/tests
	@$(BIN)/python -m pytest $(PARALLEL) -m 'not acceptance and not browser' --junitxml=build/tests/junit.xml \
		--cov --cov-report=term:skip-covered --cov-report=xml:build/tests/coverage.xml

test-browser: .installed-dev ## the report in a headless Chromium
	@$(BIN)/python -m pytest -m browser

acceptance: .installed-dev ## the long checks: full ranges, every executor, kills, concurrency, large inputs
	@$(BIN)/python -m pytest -m acceptance

docs: .installed-docs ## the documentation as pages, in build/site; a warning is an error
	@NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --quiet --strict
	@echo "documentation: $(CURDIR)/build/site/index.html"

bench: .installed-bench ## side-by-side benchmarks with other engines; prints ratios and writes them into the README
	@.venv-bench/bin/python -m trading_assets_tests.benchmarks .venv-bench-zipline/bin/python

# The last version before whole runs were made faster.
BEFORE := 16b89a4
bench-runs: .installed-dev ## whole runs beside an earlier version and as markets grow; writes docs/scale.md (an hour)
	@test -d .bench-before || git worktree add --quiet --detach .bench-before $(BEFORE)
	@$(MAKE) --quiet -C .bench-before .installed-run
	@$(BIN)/python -m trading_assets_tests.benchmarks.whole_runs .bench-before 5 1000 10

# The last release; before there is one, the version that whole runs are compared with.
RELEASE ?= $(or $(shell git describe --tags --abbrev=0 2>/dev/null),$(BEFORE))
bench-gate: .installed-dev ## refuse a version that is slower than the last release, by the ratio of their times
	@test -d .bench-release || git worktree add --quiet --detach .bench-release $(RELEASE)
	@$(MAKE) --quiet -C .bench-release .installed-dev
	@$(BIN)/python -m trading_assets_tests.benchmarks.gate .bench-release

go-rate: .installed-dev ## how often a verdict is `go` by the true Sharpe ratio of a planted edge; writes docs/honesty.md
	@$(BIN)/python -m trading_assets_tests.benchmarks.error_rates
	@$(BIN)/python -m trading_assets_tests.benchmarks.go_rate

restore-drill: .installed-dev ## from a damaged warehouse of the demo to a verified one, in minutes; writes docs/operations.md
	@$(BIN)/python -m trading_assets_tests.benchmarks.restore_drill

watched-year: .installed-dev ## a year on a fast clock through the shipped schedules and sensors; writes docs/watched-year.md
	@$(BIN)/python -m trading_assets_tests.benchmarks.watched_year

planted: .installed-dev ## every family on a planted market whose edge breaks and returns; writes docs/planted-zoo.md
	@$(BIN)/python -m trading_assets_tests.benchmarks.planted_zoo_page

promises: .installed-dev ## promotions of equal and of better models, and XGBoost beside itself; writes docs/models.md
	@$(BIN)/python -m trading_assets_tests.benchmarks.model_promises

paper: .installed-dev ## a year at a hostile broker, killed a hundred times, and what was survived; writes docs/trading.md
	@$(BIN)/python -m trading_assets_tests.benchmarks.paper_year

# So many sessions, symbols, and sessions before the first fault.
YEAR ?= 250 3 63
year: .installed-dev ## a year of daily runs with a fault a day: what was there each morning, who was told; writes docs/operations.md
	@$(BIN)/python -m trading_assets_tests.benchmarks.simulated_year $(YEAR)

online: .installed-dev ## online models and meta-controllers on planted markets; writes docs/online.md
	@$(BIN)/python -m trading_assets_tests.benchmarks.online_learning
	@$(BIN)/python -m trading_assets_tests.benchmarks.meta_controllers
	@$(BIN)/python -m trading_assets_tests.benchmarks.river_streams
	@$(BIN)/python -m trading_assets_tests.benchmarks.river_detectors

divergence: .installed-dev ## how soon live against promise finds what is wrong, and false alarms; writes docs/trading.md
	@$(BIN)/python -m trading_assets_tests.benchmarks.divergence_delays

format: .installed-dev ## rewrite the source as ruff formats it, imports sorted and safe fixes made
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

lint: .installed-dev ## ruff, formatting, types, import contracts
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-cache

clean: ## remove the environment and caches; data stay, the holdout ledger among them
	rm -rf .venv .bench-before .bench-release .venv-bench .venv-bench-zipline .installed-* .pytest_cache .mypy_cache .ruff_cache .hypothesis

# The environment: uv inside it, then exactly what uv.lock says, with bytecode compiled.
$(BIN)/uv:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed; set PYTHON=..."; exit 2; }
	@$(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)

.installed-run: $(BIN)/uv uv.lock pyproject.toml
	@$(BIN)/uv sync --frozen --inexact --quiet --extra charts
	@$(BIN)/trading-assets compile
	@touch $@

.installed-dev: $(BIN)/uv uv.lock pyproject.toml
	@$(BIN)/uv sync --frozen --inexact --quiet --group dev --group oracles --extra charts --extra sql --extra yfinance --extra ccxt --extra alpaca --extra interactive_brokers --extra hdf5 --extra lightgbm --extra catboost --extra tuning --extra serve
	@$(BIN)/trading-assets compile
	@touch .installed-run $@

.installed-docs: $(BIN)/uv uv.lock pyproject.toml
	@$(BIN)/uv sync --frozen --inexact --quiet --group docs --extra charts
	@touch .installed-run $@

# Other engines have environments of their own; zipline's pandas is too old for the rest.
.installed-bench: $(BIN)/uv uv.lock pyproject.toml
	@UV_PROJECT_ENVIRONMENT=.venv-bench $(BIN)/uv sync --frozen --quiet --group bench
	@UV_PROJECT_ENVIRONMENT=.venv-bench-zipline $(BIN)/uv sync --frozen --quiet --only-group bench-zipline
	@touch $@
