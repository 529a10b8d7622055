package adminapi

import (
	"os"
	"testing"
)

// docs/admin-api/README.md lists all operations, and each says what it is for.
func TestReference(t *testing.T) {
	for _, o := range new(Service).Operations() {
		if purposes[o.Name()] == "" {
			t.Errorf("%s has no purpose in reference.go", o.Name())
		}
	}

	text, err := os.ReadFile("../../docs/admin-api/README.md")
	if err != nil {
		t.Fatal(err)
	}
	want, err := WithReference(string(text))
	if err != nil {
		t.Fatal(err)
	}
	if want != string(text) {
		t.Error("docs/admin-api/README.md is out of date: run go generate ./internal/adminapi")
	}
}
