// Command gen writes api_gen.go, the wire types of the Amazon Cognito identity
// pools API, from the API model in the AWS SDK for Go: names, shapes and
// constraints, never its documentation. Run it with go generate, from anywhere
// inside the module.
package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	// The model is a data file of this module; the import keeps the module in go.mod.
	//lint:ignore SA1019 none of its code is used
	_ "github.com/aws/aws-sdk-go/aws/awserr"
)

const (
	modelModule = "github.com/aws/aws-sdk-go"
	modelPath   = "models/apis/cognito-identity/2014-06-30/api-2.json"
	outputPath  = "internal/cognitoidentity/api_gen.go"
)

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
	mod, err := goTool("env", "GOMOD")
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(filepath.Dir(mod), outputPath), source, 0o644)
}

// generated returns the content of api_gen.go.
func generated() ([]byte, error) {
	data, err := readModel()
	if err != nil {
		return nil, err
	}
	m, err := parse(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", modelPath, err)
	}
	return emit(m)
}

// readModel reads the API model, downloading its module if need be.
func readModel() ([]byte, error) {
	if _, err := goTool("mod", "download", modelModule); err != nil {
		return nil, err
	}
	dir, err := goTool("list", "-m", "-f", "{{.Dir}}", modelModule)
	if err != nil {
		return nil, err
	}
	return os.ReadFile(filepath.Join(dir, filepath.FromSlash(modelPath)))
}

func goTool(args ...string) (string, error) {
	cmd := exec.Command("go", args...)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("go %s: %w", strings.Join(args, " "), err)
	}
	return strings.TrimSpace(string(out)), nil
}
