# Every target works on every module of the repository: a nested module is
# found by its go.mod and needs no line here. CI runs "make matrix".

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

# All checks, including style. Add a check to leave out as -NAME, with the reason.
STATICCHECK := honnef.co/go/tools/cmd/staticcheck@v0.8.2 -checks all
GOVULNCHECK := golang.org/x/vuln/cmd/govulncheck@v1.8.0
TESTFLAGS   ?= -race -shuffle=on -timeout=10m -vet=all
FUZZTIME    ?= 1s
# The newest patches of the two supported Go releases; "make releases" updates them.
GO_RELEASES := go1.26.11 go1.27.4
SOAKTIME    ?= 5m
MODEL       ?= full
STORMTIME   ?= 1s

# testdata has intentionally broken code, and go.mod files that are not our modules.
MODULES := $(patsubst %/,%,$(dir $(shell find . -name go.mod -not -path '*/testdata/*' | sort)))

# What programs import. The other modules are tests, recipes and rivals. Compiling what
# those need for the race detector, and reading it for vet and staticcheck, would take
# longer than everything else, so they are tested under the newest Go release alone,
# with the checks that go test runs by itself. The storms of bench use the race detector.
PUBLISHED := $(filter . ./adapters/%,$(MODULES))

# $(call each,COMMAND) runs the command in every module, and fails at the end if
# it failed in any.
each = status=0; for module in $(MODULES); do (cd $$module && $(1)) || status=1; done; exit $$status

.PHONY: help
help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@echo "modules: $(MODULES)"

.PHONY: ci
ci: source program search ## all checks that have to pass

.PHONY: source
source: fmt-check tidy-check verify staticcheck ## the part of ci that is the same under every Go release

.PHONY: program
program: build test bench ## the part of ci that depends on the Go release

.PHONY: search
search: model hostile storm fuzz ## the part of ci that searches for new faults

# Compiling takes longer than most tests, and the race detector needs a second build.
# So the older release runs the tests without it and without vet, and checks that need
# only one release run under the newest.
.PHONY: matrix
matrix: ## make ci under the newest Go release; make program for the published modules under the older; make newest
	@for release in $(filter-out $(lastword $(GO_RELEASES)),$(GO_RELEASES)); do \
		echo "== $$release"; GOTOOLCHAIN=$$release $(MAKE) program MODULES='$(PUBLISHED)' TESTFLAGS='$(filter-out -race -vet=%,$(TESTFLAGS)) -vet=off'; done
	@echo "== $(lastword $(GO_RELEASES))"; GOTOOLCHAIN=$(lastword $(GO_RELEASES)) $(MAKE) ci newest

.PHONY: newest
newest: ## test a copy of the published modules with the newest version of every dependency
	@.ci/newest $(PUBLISHED)

.PHONY: releases
releases: ## write the newest Go patch releases into GO_RELEASES
	@.ci/releases

.PHONY: fmt-check
fmt-check: ## check that gofmt has formatted every Go file
	@files=$$(gofmt -l .); \
	if [ -n "$$files" ]; then echo "run gofmt -w on:" $$files >&2; exit 1; fi

.PHONY: tidy-check
tidy-check: ## check that every go.mod and go.sum is tidy
	@$(call each,go mod tidy -diff)

.PHONY: verify
verify: ## check the modules in use against go.sum
	@$(call each,go mod verify)

.PHONY: vuln
vuln: ## govulncheck, which needs access to vuln.go.dev; not part of ci
	@$(call each,go run $(GOVULNCHECK) ./...)

.PHONY: vet
vet: ## go vet; in ci, test runs it (TESTFLAGS)
	@$(call each,go vet ./...)

.PHONY: staticcheck
staticcheck: ## staticcheck of the published modules, at the version this file pins
	@$(call each,[[ " $(PUBLISHED) " != *" $$module "* ]] || go run $(STATICCHECK) ./...)

.PHONY: test
test: ## all tests, under the race detector and in random order (TESTFLAGS)
	@status=0; \
	$(MAKE) --no-print-directory $(filter test@.,$(TESTS)) || status=1; \
	$(MAKE) --no-print-directory --keep-going --jobs=2 $(filter-out test@.,$(TESTS)) || status=1; \
	exit $$status

# The nested modules are tested two at a time: tests of browsers, servers and
# installation mostly wait.
TESTS := $(patsubst %,test@%,$(MODULES))
.PHONY: $(TESTS)
$(TESTS): test@%:
	@cd $* && go test $(if $(filter $*,$(PUBLISHED)),$(TESTFLAGS),$(filter-out -race -vet=%,$(TESTFLAGS))) ./...

.PHONY: hostile
hostile: ## the long form of the hostile cases, without the race detector
	@go test -vet=off -count=1 -run='^TestHostile' ./internal/torture -long

.PHONY: model
model: ## the model of Timeout: every order of steps, limited by MODEL
	go test -vet=off -count=1 -run='^TestModel$$' -v -timeout=30m ./middleware -model=$(MODEL)

.PHONY: mutants
mutants: ## check that the model finds each known fault; not part of ci
	go test -count=1 -run='^TestModelMutants$$' -v -timeout=30m ./middleware -model.mutants=all

.PHONY: storm
storm: ## requests at the deadline, for STORMTIME per storm and transport
	@go test -race -vet=off -count=1 -run='^TestStorm' -timeout=12h ./middleware -storm=$(STORMTIME)
	@go -C bench test -race -vet=off -count=1 -run='^TestStorm' -timeout=12h ./middleware -storm=$(STORMTIME)

.PHONY: soak
soak: ## normal traffic mixed with attacks (SOAKTIME); not part of ci
	go test -count=1 -run='^TestSoak$$' -v -timeout=30m ./internal/torture -soak=$(SOAKTIME)

.PHONY: cache-tests
cache-tests: ## the public test suite for HTTP caches (needs git, node, npm); not part of ci
	@go -C internal/cachetests run .

.PHONY: cache-storm
cache-storm: ## the long form of the cache in 24 places of six routers, and under floods; not part of ci
	@go -C bench test -race -count=1 -run='^Test(Routers|Hostile)' -v -timeout=60m ./cache -long

.PHONY: build
build: ## compile and link everything, including the example programs
	@$(call each,go build -buildvcs=false -o /dev/null ./...)

.PHONY: bench
bench: ## run every benchmark once, and the allocation tests, without the race detector
	@$(call each,packages=$$($(CURDIR)/.ci/packages 'Benchmark\w*|Test\w*Alloc\w*') && { [ -z "$$packages" ] || go test -vet=off -run=Alloc -bench=. -benchtime=1x $$packages; })

.PHONY: bench-compare
bench-compare: ## compare the speed of the bench service now and at BASE, in turns, with quartiles (BASE=main)
	@go -C bench run ./cmd/compare -base '$(BASE)'

.PHONY: fuzz
fuzz: ## run every fuzz target for FUZZTIME
	@$(call each,$(CURDIR)/.ci/fuzz $(FUZZTIME))

.PHONY: api
api: ## write the exported API to internal/policy/testdata/api; review the diff
	go test -run='^TestAPI$$' ./internal/policy -update

.PHONY: release-check
release-check: ## all tests of a release, on a clean checkout: ci, vuln, a minute of storms, soak
	@.ci/release check

.PHONY: release
release: ## check and tag a release, without pushing (VERSION=vX.Y.Z); .ci/release is the checklist
	@.ci/release "$(VERSION)"
