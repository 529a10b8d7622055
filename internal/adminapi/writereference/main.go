// Command writereference writes the table of operations into docs/admin-api/README.md. Run it with go
// generate.
package main

import (
	"log"
	"os"

	"github.com/poolhouse-id/poolhouse/internal/adminapi"
)

func main() {
	const path = "../../docs/admin-api/README.md" // go generate runs it in internal/adminapi
	text, err := os.ReadFile(path)
	if err != nil {
		log.Fatal(err)
	}
	written, err := adminapi.WithReference(string(text))
	if err != nil {
		log.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(written), 0o644); err != nil {
		log.Fatal(err)
	}
}
