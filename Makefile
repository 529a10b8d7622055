# make test is what CI runs; the other targets are for people.
.PHONY: build run test test-extended bench generate suites release-snapshot

build:
	CGO_ENABLED=0 go build -trimpath -o poolhouse ./cmd/poolhouse

run:
	go run ./cmd/poolhouse dev

test:
	./scripts/setup-tests.sh
	./scripts/check.sh

# Everything of make test, with 100,000 inputs for every fuzz target, with Keycloak (Java,
# from the Maven registry) as login provider, with Ceph and MinIO as credential engines, with
# the example on SeaweedFS, and JUnit; MinIO and SeaweedFS are built the first time, which takes
# many minutes.
test-extended:
	TEST_TAGS=extended ./scripts/setup-tests.sh
	TEST_TAGS=extended TEST_TIMEOUT=60m FUZZ_INPUTS=100000 ./scripts/check.sh

bench:
	go run ./bench

generate:
	go generate work
	go run ./cmd/poolhouse config --docs > docs/configuration.md
	go run ./cmd/poolhouse explain --docs > docs/errors.md
	go run ./cmd/poolhouse conformance --docs > docs/conformance-probes.md
	go run ./packaging/licences

# The list of packages with tests: a run that misses one fails.
suites:
	./scripts/suites.sh > scripts/suites.txt

# Every file of a release, in dist (docs/releasing.md). It publishes nothing.
release-snapshot:
	./scripts/release.sh
