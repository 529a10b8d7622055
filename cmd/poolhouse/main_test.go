package main

import (
	"context"
	"os"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/poolhouse-id/poolhouse"
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
		Cmds:          map[string]func(*testscript.TestScript, bool, []string){"first-start": firstStart},
	})
}

// firstStart DIR ACCOUNT makes the data folder that a server's first start makes;
// that of poolhouse dev when ACCOUNT is development.
func firstStart(ts *testscript.TestScript, _ bool, args []string) {
	dir := ts.MkAbs(args[0])
	ts.Check(os.Mkdir(dir, 0o700))
	c := poolhouse.Config{DataDir: dir, IssuerURL: "https://id.example", TokenAlgorithm: "ES256"}
	if c.Dev = args[1] == "development"; !c.Dev {
		c.Account = args[1]
	}
	server, err := poolhouse.New(context.Background(), c)
	ts.Check(err)
	ts.Check(server.Close())
}
