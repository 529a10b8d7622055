module github.com/poolhouse-id/poolhouse/internal/house

go 1.26.4

require github.com/uudashr/gocognit v1.3.0

require golang.org/x/tools v0.52.0 // indirect
