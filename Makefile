# Every target works on every module of the repository: a nested module is
# found by its go.mod and needs no line here. "make ci" is what CI runs.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

# All checks, those of style included. A check that is left out would stand here
# as -NAME, with the reason: none is.
STATICCHECK := honnef.co/go/tools/cmd/staticcheck@v0.8.2 -checks all
GOVULNCHECK := golang.org/x/vuln/cmd/govulncheck@v1.8.0
TESTFLAGS   ?= -race -shuffle=on -timeout=10m -vet=all
FUZZTIME    ?= 1s
# The newest patch of the two releases of Go that are supported; "make releases"
# brings them up to date.
GO_RELEASES := go1.26.11 go1.27.4
SOAKTIME    ?= 5m
MODEL       ?= full
STORMTIME   ?= 1s

# testdata holds broken code on purpose, and go.mod files of no module of ours.
MODULES := $(patsubst %/,%,$(dir $(shell find . -name go.mod -not -path '*/testdata/*' | sort)))

# $(call each,COMMAND) runs the command in each module, and fails in the end if
# it failed in one.
each = status=0; for module in $(MODULES); do (cd $$module && $(1)) || status=1; done; exit $$status

.PHONY: help
help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@echo "modules: $(MODULES)"

.PHONY: ci
ci: source program search ## everything that has to pass

.PHONY: source
source: fmt-check tidy-check verify staticcheck ## the part of ci that says the same under every release of Go

.PHONY: program
program: build test bench ## the part of ci that a release of Go can change

.PHONY: search
search: model hostile storm fuzz ## the part of ci that searches for new faults

# To compile and to vet takes longer than most of what is run, and for the race
# detector it is done once more. So the older release runs the tests without both,
# and what one release can tell is run under the newest.
.PHONY: matrix
matrix: ## make ci under the newest release of Go, its program part without vet and the race detector under the older; then make newest
	@for release in $(filter-out $(lastword $(GO_RELEASES)),$(GO_RELEASES)); do \
		echo "== $$release"; GOTOOLCHAIN=$$release $(MAKE) program TESTFLAGS='$(filter-out -race -vet=%,$(TESTFLAGS)) -vet=off'; done
	@echo "== $(lastword $(GO_RELEASES))"; GOTOOLCHAIN=$(lastword $(GO_RELEASES)) $(MAKE) ci newest

.PHONY: newest
newest: ## test a copy of the modules that others use with their dependencies at the newest
	@.ci/newest $(filter . ./adapters/%,$(MODULES))

.PHONY: releases
releases: ## write the newest patches of Go into GO_RELEASES
	@.ci/releases

.PHONY: fmt-check
fmt-check: ## every Go file is formatted by gofmt
	@files=$$(gofmt -l .); \
	if [ -n "$$files" ]; then echo "run gofmt -w on:" $$files >&2; exit 1; fi

.PHONY: tidy-check
tidy-check: ## every go.mod and go.sum is what "go mod tidy" writes
	@$(call each,go mod tidy -diff)

.PHONY: verify
verify: ## the modules in use are those that go.sum names
	@$(call each,go mod verify)

.PHONY: vuln
vuln: ## govulncheck, for where vuln.go.dev can be reached; not part of ci
	@$(call each,go run $(GOVULNCHECK) ./...)

.PHONY: vet
vet: ## go vet; in ci, test does it (TESTFLAGS)
	@$(call each,go vet ./...)

.PHONY: staticcheck
staticcheck: ## staticcheck, at the version this file pins
	@$(call each,go run $(STATICCHECK) ./...)

# The dependencies of these take minutes to compile for the race detector, and
# their own code starts hardly a goroutine. The storms of bench run under it.
RACELESS := ./bench ./examples/cluster ./examples/compose

.PHONY: test
test: ## all tests, under the race detector and in random order (TESTFLAGS)
	@$(call each,flags='$(TESTFLAGS)'; if [[ " $(RACELESS) " == *" $$module "* ]]; then flags='$(filter-out -race,$(TESTFLAGS))'; fi; go test $$flags ./...)

.PHONY: hostile
hostile: ## the hostile cases without the race detector, in the long form
	@go test -vet=off -count=1 -run='^TestHostile' ./internal/torture -long

.PHONY: model
model: ## the model of Timeout: every order of steps, in the selection MODEL
	go test -vet=off -count=1 -run='^TestModel$$' -v -timeout=30m ./middleware -model=$(MODEL)

.PHONY: mutants
mutants: ## the model finds each of the known faults; not part of ci
	go test -count=1 -run='^TestModelMutants$$' -v -timeout=30m ./middleware -model.mutants=all

.PHONY: storm
storm: ## requests at the very deadline, for STORMTIME in each storm over each transport
	@go test -race -vet=off -count=1 -run='^TestStorm' -timeout=12h ./middleware -storm=$(STORMTIME)
	@go -C bench test -race -vet=off -count=1 -run='^TestStorm' -timeout=12h ./middleware -storm=$(STORMTIME)

.PHONY: soak
soak: ## honest traffic with attacks in it (SOAKTIME); not part of ci
	go test -count=1 -run='^TestSoak$$' -v -timeout=30m ./internal/torture -soak=$(SOAKTIME)

.PHONY: cache-tests
cache-tests: ## the public test suite for HTTP caches (needs git, node, npm); not part of ci
	@go -C internal/cachetests run .

.PHONY: cache-storm
cache-storm: ## a cache in 24 places of six routers and under floods, in the long form; not part of ci
	@go -C bench test -race -count=1 -run='^Test(Routers|Hostile)' -v -timeout=60m ./cache -long

.PHONY: build
build: ## everything compiles and links, the example programs too
	@$(call each,go build -buildvcs=false -o /dev/null ./...)

.PHONY: bench
bench: ## every benchmark once, and the tests that count allocations: without the race detector, which adds to them
	@$(call each,packages=$$($(CURDIR)/.ci/packages 'Benchmark\w*|Test\w*Alloc\w*') && { [ -z "$$packages" ] || go test -vet=off -run=Alloc -bench=. -benchtime=1x $$packages; })

.PHONY: bench-compare
bench-compare: ## what a change costs: the service of bench now and at BASE, in turns, with quartiles (BASE=main)
	@go -C bench run ./cmd/compare -base '$(BASE)'

.PHONY: fuzz
fuzz: ## every fuzz target for a short while (FUZZTIME)
	@$(call each,$(CURDIR)/.ci/fuzz $(FUZZTIME))

.PHONY: api
api: ## write the exported API to internal/policy/testdata/api, after reviewing a change to it
	go test -run='^TestAPI$$' ./internal/policy -update

.PHONY: release-check
release-check: ## all that a release is tested with, on a clean checkout: ci, vuln, a minute of storms, soak
	@.ci/release check

.PHONY: release
release: ## check and tag a release, and push nothing (VERSION=vX.Y.Z); .ci/release is the checklist
	@.ci/release "$(VERSION)"
