// Command gen writes api_gen.go, the types of the Amazon Cognito identity pools API,
// from the API model in api-2.json: names, shapes and constraints. ORIGIN.md names
// the source of the model. Run it with go generate, from any folder of the module.
// Start reading at emit.
package main

import (
	_ "embed"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

const outputPath = "internal/cognitoidentity/api_gen.go"

//go:embed api-2.json
var apiModel []byte

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "gen:", err)
		os.Exit(1)
	}
}

func run() error {
	source, err := generated()
	if err != nil {
		return err
	}

	root, err := moduleRoot()
	if err != nil {
		return err
	}

	return os.WriteFile(filepath.Join(root, outputPath), source, 0o644)
}

// generated returns the content of api_gen.go.
func generated() ([]byte, error) {
	m, err := parse(apiModel)
	if err != nil {
		return nil, fmt.Errorf("api-2.json: %w", err)
	}

	return emit(m)
}

// moduleRoot returns the folder of the module that contains the working directory.
func moduleRoot() (string, error) {
	cmd := exec.Command("go", "env", "GOMOD")
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("go env GOMOD: %w", err)
	}

	return filepath.Dir(strings.TrimSpace(string(out))), nil
}
