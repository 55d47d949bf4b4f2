# `make demo` and `make test` set up everything they need.
UV = $(shell command -v uv || echo $(CURDIR)/.tools/bin/uv)
RUN := $(UV) run --no-sync

.PHONY: setup demo test lint format docs golden bench fuzz reality reality-times packages load soak test-install test-go test-nova

setup:
	@packaging/dev/setup.sh
	@$(UV) sync --quiet --locked --compile-bytecode
	@# Where Python may not write bytecode, every start of a program would compile its modules anew.
	@$(RUN) python -m compileall -q agent/vmfit_agent comparator/vmfit_comparator proto/vmfit proto/vmfit_client proto/vmfit_contract

demo: setup
	@$(RUN) packaging/dev/demo.sh

# Processes, networks and whole hosts take part: what fails once is tried again, and the summary says so (R);
# what fails twice is tried by itself in a process that other tests have not filled.
test: setup
	@$(RUN) pytest -q -rR --reruns 1 --reruns-delay 5 $(TESTS) || \
		{ test $$? -eq 1 && $(RUN) pytest -q --last-failed --last-failed-no-failures none; }

lint: setup
	$(RUN) ruff format --check .
	$(RUN) ruff check .
	$(RUN) mypy
	$(RUN) lint-imports
	cd proto && $(RUN) buf lint

format: setup
	$(RUN) ruff format .
	$(RUN) ruff check --fix .
	cd proto && $(RUN) buf format -w .

# Services that are ended and killed while they are asked, or whose disks and collectors fail,
# as often as it takes to be believed.
load: setup
	VMFIT_TEST_ENDS=40 VMFIT_TEST_KILLS=1000 VMFIT_TEST_FAULTS=1000 $(RUN) pytest -q -rP --timeout=36000 tests/load tests/agent/program/test_service_process.py

# A hundred thousand collections and checks in one process each (an hour or two): what they hold.
soak: setup
	@VMFIT_TEST_COLLECTIONS=$${VMFIT_TEST_COLLECTIONS:-100000} VMFIT_TEST_CHECKS=$${VMFIT_TEST_CHECKS:-100000} \
		$(RUN) pytest -q -rP --timeout=36000 tests/load/test_soak.py

bench: setup
	@for bench in tests/bench/bench_*.py; do $(RUN) python $$bench || exit 1; done

# deb and rpm of the agent and the comparator, for this machine's Python, in dist/packages.
packages: setup
	@$(RUN) python packaging/linux/build.py $(PACKAGES)

# A site from nothing to nothing on fresh, booted Debian machines, by the commands of docs/install.md
# (root; some minutes, and as many once to make a Debian).
test-install: setup
	@PATH="$(dir $(UV)):$$PATH" VMFIT_TEST_INSTALL=1 $(RUN) pytest -q --timeout=900 tests/install

# The Go program of docs/schedulers.md, compiled and run (Debian's Go packages; a minute).
test-go: setup
	@VMFIT_PACKAGES="protobuf-compiler golang-go golang-google-grpc-dev golang-google-protobuf-dev protoc-gen-go-1-5 protoc-gen-go-grpc" packaging/dev/setup.sh
	@VMFIT_TEST_GO=1 $(RUN) pytest -q --timeout=900 tests/client/test_scheduler_page.py

# A live migration by nova's own API, conductor, scheduler and placement (installs nova; some minutes).
test-nova: setup
	@VMFIT_TEST_NOVA=1 UV="$(UV)" $(RUN) pytest -q --timeout=900 tests/nova

# The comparator's image by podman or buildah; make image IMAGE="--build-arg BASE=..." for another base.
image:
	@$$(command -v podman || command -v buildah) build $(IMAGE) \
	  --file packaging/container/Containerfile --tag vmfit-comparator .

# The same on a base that is made of Debian, and a check in it (root, debootstrap, buildah; some minutes).
test-image: setup
	@VMFIT_TEST_IMAGE=1 $(RUN) pytest -q --timeout=1800 tests/packages/test_container.py

# Half an hour, unless VMFIT_FUZZ_SECONDS says otherwise; `make test` has a minute of it.
fuzz: setup
	@VMFIT_FUZZ_SECONDS=$${VMFIT_FUZZ_SECONDS:-1800} $(RUN) pytest -q -s tests/fuzz

# The documents that are generated; tests compare them.
docs: setup
	$(RUN) vmfit facts --markdown > docs/facts.md
	$(RUN) python proto/snapshot_docs.py
	$(RUN) python proto/api_docs.py

# Every finding over all rows of the facts' tables; review the diff.
golden: setup
	$(RUN) python -m tests.comparator.golden

# Predictions beside real migrations (root; some 30 minutes): make reality REALITY="--json out.json ID ..."
reality: setup
	@$(RUN) python tests/e2e/reality.py $(REALITY)

# What real migrations take, beside estimates (root; half an hour for all that times.json has not):
# make reality-times TIMES="--again --only TEXT --seconds N"
reality-times: setup
	@cd tests/e2e && $(RUN) python reality_times.py $(TIMES)
	@$(RUN) python -m tests.comparator.recorded_times
