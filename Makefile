# Needs Python 3.11 to 3.13 and make, nothing else.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
ARGS ?=
.DEFAULT_GOAL := help
# Some images set it to keep layers small. Without compiled modules, TensorFlow takes two to
# three times as long to import, and a run starts many processes.
unexport PYTHONDONTWRITEBYTECODE
# All tests of a module run in the same process, so that its fixtures are set up only once.
PYTEST ?= $(BIN)/python -m pytest
PARALLEL := -p tests.support.cores --numprocesses=4 --dist=loadscope --no-loadscope-reorder
PEERS := keras pytorch jax scikit-learn
SERVERS := fastapi kserve litserve mlserver
.PHONY: help install javascript studies ray mlflow signing run serve test test-fast lint proto lock clean bench bench-check bench-environments \
  bench-serving bench-serving-soak bench-workers campaign campaign-ci docs fuzz older-onnxruntime

help:
	@echo "make run         install, then run configs/mlp.yaml (ARGS='lecture/softmax' for another)"
	@echo "make serve       install, then serve the published models (ARGS='--port 8601' for another port)"
	@echo "make install     install only: .venv, from requirements/run.txt"
	@echo "make studies     install Optuna and pyarrow (studies with samplers or pruners; Parquet)"
	@echo "make ray         install Ray (studies with executor: ray)"
	@echo "make mlflow      install MLflow (track: {mlflow: ...})"
	@echo "make signing     install model-signing (publish.sign, pipeline sign, --public-key)"
	@echo "make javascript  install the JavaScript runtimes (require Node.js; in a browser, Chromium)"
	@echo "make test        install what tests need, then run all tests"
	@echo "make test-fast   install, then run the tests that need neither TensorFlow nor other processes"
	@echo "make lint        run ruff, mypy and the checks of the GitHub workflow"
	@echo "make docs        build the documentation site in .docs/site"
	@echo "make bench       compare training speed with other frameworks (docs/performance.md); 1 hour"
	@echo "make bench-serving       compare the server with others; requires wrk; 15 minutes"
	@echo "make bench-serving-soak  put the server under load while versions are replaced; 10 minutes"
	@echo "make bench-workers       measure trainings with several workers; requires root and tc; 12 minutes"
	@echo "make bench-check         check training speed against Keras for regressions; 2 minutes"
	@echo "make campaign    try to break runs, models and the server (docs/reliability.md); 4 hours"
	@echo "make campaign-ci the same in two minutes"
	@echo "make fuzz        the part of it that fuzzes the parsers, guided by coverage; 40 minutes"
	@echo "make proto       compile the gRPC messages after a change to the .proto files"
	@echo "make lock        update requirements/ to the newest versions that pyproject.toml allows"
	@echo "make clean       remove environments, runs/ and caches; keep exported/ and the npm packages"

install: $(VENV)/installed

run: install
	$(BIN)/pipeline run $(ARGS)

serve: install
	$(BIN)/pipeline serve $(ARGS)

# Without Node.js, the JavaScript tests are skipped.
test: $(VENV)/installed-dev .venv-base/installed .venv-clients/installed .venv-ray/installed .venv-mlflow/installed older-onnxruntime $(if $(shell command -v npm),javascript)
	$(PYTEST) $(PARALLEL) $(ARGS)

# The tests that need neither TensorFlow nor other processes.
test-fast: $(VENV)/installed-dev
	$(PYTEST) --fast $(PARALLEL) $(ARGS)

lint: $(VENV)/installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/check-jsonschema --quiet --builtin-schema vendor.github-workflows .github/workflows/*.yaml
	$(BIN)/zizmor --offline --quiet --pedantic .github .pre-commit-config.yaml

# Installs the environments below in a fraction of pip's time.
.venv-uv/installed: requirements/uv.txt
	@$(PYTHON) -c 'import sys; sys.exit(None if (3, 11) <= sys.version_info < (3, 14) else \
	  f"Python must be 3.11 to 3.13; got {sys.version.split()[0]}. Name one: make PYTHON=python3.12")'
	@echo "Installing uv into .venv-uv (about 60 MB)"
	@$(PYTHON) -m venv --clear .venv-uv
	@.venv-uv/bin/pip install -qq --disable-pip-version-check --no-compile --require-hashes -r $<
	@touch $@

# An environment is complete once its file `installed` exists; until then, each call creates it again:
# an interrupted installation starts from scratch.
INSTALL := $(PYTHON) requirements/install.py
BUILD := requirements/build.txt pyproject.toml | .venv-uv/installed

$(VENV)/installed: requirements/run.txt $(BUILD)
	@$(INSTALL) $(VENV) $< --editable --size "2.3 GB"
	@touch $@

# Tests and lint need more than a run, in the same environment.
$(VENV)/installed-dev: requirements/dev.txt $(VENV)/installed
	@$(INSTALL) $(VENV) $< --add --size "290 MB"
	@touch $@

# The base package alone: tests prove that it predicts and serves without TensorFlow.
.venv-base/installed: requirements/base.txt $(BUILD)
	@$(INSTALL) .venv-base $< --editable --size "210 MB"
	@touch $@

# Clients of other projects, with the old packages that they pin: tests send requests with them.
.venv-clients/installed: tests/clients/requirements.lock | .venv-uv/installed
	@$(INSTALL) .venv-clients $< --size "380 MB"
	@touch $@

# An onnxruntime of 2023: tests open exported files in it. It has no wheels for Python 3.12 and later;
# without Python 3.11, these tests are skipped.
OLDER_PYTHON := $(shell $(PYTHON) -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' \
  2> /dev/null && echo $(PYTHON) || command -v python3.11)
older-onnxruntime: $(if $(OLDER_PYTHON),.venv-older-onnxruntime/installed)

.venv-older-onnxruntime/installed: tests/clients/older_onnxruntime.lock | .venv-uv/installed
	@$(OLDER_PYTHON) requirements/install.py .venv-older-onnxruntime $< --size "190 MB"
	@touch $@

# The packages of the extra `studies`, beside those of a run.
studies: install $(VENV)/installed-studies

$(VENV)/installed-studies: requirements/studies.txt $(VENV)/installed
	@$(INSTALL) $(VENV) $< --add --size "200 MB"
	@touch $@

# The packages of the extra `ray`, beside those of a run.
ray: install $(VENV)/installed-ray

$(VENV)/installed-ray: requirements/ray.txt $(VENV)/installed
	@$(INSTALL) $(VENV) $< --add --size "360 MB"
	@touch $@

# Tests of studies on Ray use an environment of their own: Ray needs pandas, which Keras imports at
# each start if it is installed.
.venv-ray/installed: requirements/run.txt requirements/studies.txt requirements/ray.txt $(BUILD)
	@$(INSTALL) .venv-ray $< --editable --size "2.3 GB"
	@$(INSTALL) .venv-ray requirements/studies.txt --add --size "200 MB"
	@$(INSTALL) .venv-ray requirements/ray.txt --add --size "360 MB"
	@touch $@

# The packages of the extra `mlflow`, beside those of a run.
mlflow: install $(VENV)/installed-mlflow

$(VENV)/installed-mlflow: requirements/mlflow.txt $(VENV)/installed
	@$(INSTALL) $(VENV) $< --add --size "400 MB"
	@touch $@

# Tests start MLflow's server from it, and add its packages to those of a run: MLflow needs pandas.
.venv-mlflow/installed: requirements/mlflow.txt $(BUILD)
	@$(INSTALL) .venv-mlflow $< --editable --size "770 MB"
	@touch $@

# The packages of the extra `signing`, beside those of a run.
signing: install $(VENV)/installed-signing

$(VENV)/installed-signing: requirements/signing.txt $(VENV)/installed
	@$(INSTALL) $(VENV) $< --add --size "31 MB"
	@touch $@

# The npm packages of the JavaScript runtimes, in a user's folder that all clones share (see
# docs/runtimes.md); an existing folder is not changed.
javascript:
	$(PYTHON) -m pipeline.runtimes.npm

# The compiler is installed with the clients (grpcio-tools); it is not needed at run time.
PROTO := pipeline/serving/grpc
proto: .venv-clients/installed
	for name in open_inference tensorflow_serving; do \
	  .venv-clients/bin/python -m grpc_tools.protoc --proto_path=$(PROTO) --include_imports \
	    --descriptor_set_out=$(PROTO)/$$name.binpb $(PROTO)/$$name.proto || exit; \
	done

# `make lock UPGRADE=` keeps the locked versions, as far as pyproject.toml allows.
UPGRADE := --upgrade
COMPILE := .venv-uv/bin/uv pip compile --universal --python-version 3.11 --generate-hashes \
  --no-emit-index-url --no-emit-find-links --no-header --system-certs --quiet $(UPGRADE)

# The other locks take their versions from that of a run.
lock: .venv-uv/installed
	$(COMPILE) pyproject.toml --extra train --extra runtimes --group tensorflow-cpu --excludes requirements/run-excludes.txt -o requirements/run.txt
	$(COMPILE) pyproject.toml --extra studies --constraint requirements/run.txt -o requirements/studies.txt
	$(COMPILE) pyproject.toml --extra ray --constraint requirements/run.txt --constraint requirements/studies.txt -o requirements/ray.txt
	$(COMPILE) pyproject.toml --extra mlflow --constraint requirements/run.txt --constraint requirements/studies.txt -o requirements/mlflow.txt
	$(COMPILE) pyproject.toml --extra signing --constraint requirements/run.txt -o requirements/signing.txt
	$(COMPILE) pyproject.toml --constraint requirements/run.txt -o requirements/base.txt
	$(COMPILE) --group build --constraint requirements/run.txt -o requirements/build.txt
	$(COMPILE) --group dev --constraint requirements/run.txt --constraint requirements/build.txt --constraint requirements/studies.txt --constraint requirements/signing.txt -o requirements/dev.txt
	$(COMPILE) --group docs --constraint requirements/run.txt --constraint requirements/dev.txt -o requirements/docs.txt
	$(COMPILE) pyproject.toml --group fuzz --constraint requirements/run.txt -o requirements/fuzz.txt
	$(COMPILE) --group installer -o requirements/uv.txt
	$(COMPILE) tests/clients/requirements.in -o tests/clients/requirements.lock
	$(COMPILE) tests/clients/older_onnxruntime.in -o tests/clients/older_onnxruntime.lock
	cd pipeline/runtimes/js && npm update --package-lock-only --ignore-scripts && node lock.mjs

# Each peer has its own environment.
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

bench-workers: install
	$(BIN)/python -m benchmarks.scaling
	$(BIN)/python -m benchmarks.workers_accuracy
	$(BIN)/python -m benchmarks.report

bench-check: .venv-bench/keras/installed install
	$(BIN)/python -m benchmarks.regression

# An interrupted campaign continues where it stopped; ARGS=PART for one part.
campaign: $(VENV)/installed .venv-fuzz/installed
	$(BIN)/python -m campaign $(ARGS)

campaign-ci: $(VENV)/installed-dev
	$(PYTEST) tests/campaign $(ARGS)

fuzz: $(VENV)/installed .venv-fuzz/installed
	$(BIN)/python -m campaign parsers $(ARGS)

.venv-fuzz/installed: requirements/fuzz.txt $(BUILD)
	@$(INSTALL) .venv-fuzz $< --editable --size "330 MB"
	@touch $@

clean:
	rm -rf .venv .venv-* runs .docs .cache .pytest_cache .mypy_cache .ruff_cache
	find . -name __pycache__ -prune -exec rm -rf {} +

.venv-docs/installed: requirements/docs.txt | .venv-uv/installed
	@$(INSTALL) .venv-docs $< --size "140 MB"
	@touch $@

# Pages are built from a copy with the paths that they have here, so that links work in both places.
docs: .venv-docs/installed
	rm -rf .docs
	mkdir -p .docs/pages/docs
	cp *.md LICENSE .docs/pages
	cp -r docs/. .docs/pages/docs
	.venv-docs/bin/zensical build --clean --strict
