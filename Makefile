# Needs Python 3.11 to 3.13 and make, nothing else.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
ARGS ?=
.DEFAULT_GOAL := help
# Whole modules go to a process, as their fixtures are made once for each.
PYTEST ?= $(BIN)/python -m pytest
PARALLEL := --numprocesses=2 --dist=loadscope --no-loadscope-reorder
PEERS := keras pytorch jax scikit-learn
SERVERS := fastapi kserve litserve mlserver
.PHONY: help install javascript run serve test test-fast lint proto lock clean bench bench-check bench-environments \
  bench-serving bench-serving-soak docs

help:
	@echo "make run      set up, then run the pipeline (ARGS='configs/softmax.yaml' for another)"
	@echo "make serve    set up, then serve what was published (ARGS='--port 8601' for another port)"
	@echo "make install  set up only: .venv, from requirements/"
	@echo "make javascript  the JavaScript runtimes (needs Node.js; Chromium for the browser's)"
	@echo "make test     set up, then run every test"
	@echo "make test-fast  set up, then run the tests that need neither TensorFlow nor other processes"
	@echo "make lint     ruff, mypy, and checks of the workflow"
	@echo "make docs     build the documentation site into .docs/site"
	@echo "make bench    speed, side by side with other systems; an hour (see docs/performance.md)"
	@echo "make bench-serving  our server side by side with others; needs wrk; a quarter of an hour"
	@echo "make bench-serving-soak  our server under load while versions are swapped; ten minutes"
	@echo "make bench-check  whether training lost speed against Keras; two minutes"
	@echo "make proto    compile the messages of gRPC after a change of their .proto file"
	@echo "make lock     resolve the dependencies of pyproject.toml anew"
	@echo "make clean    remove .venv, runs/ and caches; exported/ and the npm packages stay"

install: $(VENV)/installed

run: install
	$(BIN)/pipeline run $(ARGS)

serve: install
	$(BIN)/pipeline serve $(ARGS)

# Whoever has no Node.js tests without: what needs it is then skipped, and says so.
test: install .venv-base/installed .venv-clients/installed $(if $(shell command -v npm),javascript)
	$(PYTEST) $(PARALLEL) $(ARGS)

# Without TensorFlow, servers, browsers and other processes: for the minutes between changes.
test-fast: install
	$(PYTEST) --fast $(ARGS)

lint: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/check-jsonschema --quiet --builtin-schema vendor.github-workflows .github/workflows/*.yaml
	$(BIN)/zizmor --offline --quiet --pedantic .github .pre-commit-config.yaml

# What builds packages comes from a lock too, hence the two steps and no build isolation.
# Modules are compiled when they are first imported.
$(VENV)/installed: requirements/build.txt requirements/dev.txt pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(None if (3, 11) <= sys.version_info < (3, 14) else \
	  f"Python must be 3.11 to 3.13; got {sys.version.split()[0]}. Name one: make PYTHON=python3.12")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --no-compile --require-hashes -r requirements/build.txt
	$(BIN)/pip install --no-compile --require-hashes --no-build-isolation -r requirements/dev.txt
	$(BIN)/pip install --no-deps --no-build-isolation -e .
	@touch $@

# The base install, without the extra train: tests prove that it predicts without TensorFlow.
.venv-base/installed: requirements/build.txt requirements/base.txt pyproject.toml
	$(PYTHON) -m venv .venv-base
	.venv-base/bin/pip install --no-compile --require-hashes -r requirements/build.txt -r requirements/base.txt
	.venv-base/bin/pip install --no-deps --no-build-isolation -e .
	@touch $@

# Clients that others made, with the old packages they pin: tests ask the server with them.
.venv-clients/installed: tests/clients/requirements.lock
	$(PYTHON) -m venv .venv-clients
	.venv-clients/bin/pip install --no-compile --require-hashes -r $<
	@touch $@

# The packages of the JavaScript runtimes, in a folder of the user's that clones share (see
# docs/runtimes.md); one that is there is left as it is.
javascript:
	$(PYTHON) -m pipeline.runtimes.npm

# The compiler comes with the clients (grpcio-tools): nothing at run time needs it.
PROTO := pipeline/serving/grpc
proto: .venv-clients/installed
	.venv-clients/bin/python -m grpc_tools.protoc --proto_path=$(PROTO) \
	  --descriptor_set_out=$(PROTO)/open_inference.binpb $(PROTO)/open_inference.proto

COMPILE := .venv-lock/bin/uv pip compile --universal --python-version 3.11 --generate-hashes \
  --no-emit-index-url --no-emit-find-links --no-header --upgrade --quiet

# One resolution, of everything; the smaller locks take their versions from it.
lock:
	$(PYTHON) -m venv .venv-lock
	.venv-lock/bin/pip install uv==0.13.9
	$(COMPILE) pyproject.toml --extra train --extra runtimes --extra dev -o requirements/dev.txt
	$(COMPILE) pyproject.toml --constraint requirements/dev.txt -o requirements/base.txt
	$(COMPILE) --group build --constraint requirements/dev.txt -o requirements/build.txt
	$(COMPILE) --group docs -o requirements/docs.txt
	$(COMPILE) tests/clients/requirements.in -o tests/clients/requirements.lock
	cd pipeline/runtimes/js && npm update --package-lock-only --ignore-scripts && node lock.mjs

# Each peer in an environment of its own.
bench-environments: install $(PEERS:%=.venv-bench/%/installed)

.venv-bench/%/installed: benchmarks/environments/%.txt
	$(PYTHON) -m venv .venv-bench/$*
	.venv-bench/$*/bin/pip install -r $<
	@touch $@

bench: bench-environments
	$(BIN)/python -m benchmarks.training
	$(BIN)/python -m benchmarks.accuracy
	$(BIN)/python -m benchmarks.first_epoch
	$(BIN)/python -m benchmarks.precision
	$(BIN)/python -m benchmarks.checkpoints
	$(BIN)/python -m benchmarks.streaming
	$(BIN)/python -m benchmarks.report

bench-serving: install $(SERVERS:%=.venv-bench/%/installed)
	$(BIN)/python -m benchmarks.serving $(ARGS)
	$(BIN)/python -m benchmarks.report

bench-serving-soak: install
	$(BIN)/python -m benchmarks.serving_soak $(ARGS)
	$(BIN)/python -m benchmarks.report

bench-check: .venv-bench/keras/installed install
	$(BIN)/python -m benchmarks.regression

clean:
	rm -rf .venv .venv-base .venv-clients .venv-lock .venv-docs .venv-bench runs .docs .cache .pytest_cache .mypy_cache .ruff_cache
	find . -name __pycache__ -prune -exec rm -rf {} +

.venv-docs/installed: requirements/docs.txt
	$(PYTHON) -m venv .venv-docs
	.venv-docs/bin/pip install --no-compile --require-hashes -r $<
	@touch $@

# Pages are built from a copy with the paths that they have here, so that links work in both places.
docs: .venv-docs/installed
	rm -rf .docs
	mkdir -p .docs/pages/docs
	cp *.md LICENSE .docs/pages
	cp docs/* .docs/pages/docs
	.venv-docs/bin/zensical build --clean --strict
