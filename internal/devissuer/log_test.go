package devissuer_test

import (
	"bytes"
	"log/slog"
	"testing"
)

// The library writes to the log of the program that embeds the server, and takes no other. It must not
// write before a client asks for tokens.
func TestLibraryWritesNothingAtFirst(t *testing.T) {
	var log bytes.Buffer
	before := slog.Default()
	slog.SetDefault(slog.New(slog.NewTextHandler(&log, nil)))
	defer slog.SetDefault(before)

	w := newWorld(t, "")
	w.send("GET", "/.well-known/openid-configuration", nil)
	w.send("GET", "/jwks", nil)
	code := w.code(asked(), "alice")
	if log.Len() > 0 {
		t.Errorf("the log has %s", &log)
	}

	if w.exchange(code); log.Len() == 0 {
		t.Error("the control: the library writes nothing at all")
	}
}
