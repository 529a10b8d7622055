package main

import (
	"os"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// The test binary is the program itself when it is called poolhouse.
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"poolhouse": main})
}

// TestScript runs the command lines of testdata/script and compares what they print.
func TestScript(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:           "testdata/script",
		UpdateScripts: os.Getenv("UPDATE_SCRIPTS") != "",
	})
}
