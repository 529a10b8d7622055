# make test is what CI runs; the other targets are for people.
.PHONY: build run test test-extended bench generate

build:
	CGO_ENABLED=0 go build -trimpath -o poolhouse ./cmd/poolhouse

run:
	go run ./cmd/poolhouse dev

test:
	./scripts/setup-tests.sh
	./scripts/check.sh

# Everything of make test, with a minute of every fuzz target.
test-extended:
	./scripts/setup-tests.sh
	FUZZ_TIME=60s ./scripts/check.sh

bench:
	go run ./bench

generate:
	go generate ./...
	go run ./cmd/poolhouse config --docs > docs/configuration.md
