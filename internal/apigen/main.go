// Command apigen writes the types of AWS's APIs: api_gen.go of each package in the list targets, from
// the models beside this file with names, shapes and constraints. ORIGIN.md names the source of the
// models. Run it with go generate, from any folder of the module. Start reading at emit.
package main

import (
	_ "embed"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// Models of the APIs.
var (
	//go:embed cognito-identity.json
	identityPools []byte
	//go:embed cognito-idp.json
	userPools []byte
)

// target is one package whose api_gen.go is generated.
type target struct {
	model  string // file name
	data   []byte
	folder string // of the package, in the module
	// operations are those whose structures the package needs; nil = all.
	operations []string
	// secret names the shapes whose values must not appear in a message or a log, besides those that
	// the model marks as sensitive.
	secret []string
}

var targets = []target{
	{
		model:  "cognito-identity.json",
		data:   identityPools,
		folder: "internal/cognitoidentity",
		// The Go SDK's copy of the model drops AWS's "sensitive" marks, which the published Smithy model
		// has on the first three. A session token is as secret as the key beside it.
		secret: []string{"IdentityProviderToken", "OIDCToken", "SecretKeyString", "SessionTokenString"},
	},
	{
		model:      "cognito-idp.json",
		data:       userPools,
		folder:     "internal/devuserpool",
		operations: userPoolOperations,
		secret:     []string{"ConfirmationCodeType"},
	},
}

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "apigen:", err)
		os.Exit(1)
	}
}

func run() error {
	root, err := moduleRoot()
	if err != nil {
		return err
	}

	for _, t := range targets {
		source, err := t.generated()
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(root, t.folder, "api_gen.go"), source, 0o644); err != nil {
			return err
		}
	}

	return nil
}

// generated returns the content of api_gen.go.
func (t target) generated() ([]byte, error) {
	m, err := parse(t.data, t.secret)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", t.model, err)
	}
	if t.operations != nil {
		if err := m.keep(t.operations); err != nil {
			return nil, fmt.Errorf("%s: %w", t.model, err)
		}
	}

	return emit(m, filepath.Base(t.folder))
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
