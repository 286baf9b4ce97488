# `make check` is what CI runs.

.PHONY: help check test build run bench clean

help: ## tell what there is to make
	@sed -n 's/^\([a-z]*\):.*## /\1\t/p' Makefile | sort | expand -t 8

check: ## all checks and all tests of both modules, with the race detector
	@.ci/check

test: ## all tests of both modules, quickly: without the race detector
	@.ci/with-postgres .ci/test || { code=$$?; [ $$code -ne 125 ] && exit $$code; .ci/test; }

build: ## bin/microblog, static
	CGO_ENABLED=0 go build -trimpath -o bin/ ./cmd/microblog

run: ## start Microblog on http://127.0.0.1:5000
	go run ./cmd/microblog

bench: ## measure the pages beside a bare server
	go run ./bench

clean: ## remove what build made
	rm -rf bin
