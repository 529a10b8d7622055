package main

import (
	"strings"
	"testing"
)

func TestProgressBar(t *testing.T) {
	var out strings.Builder
	bar := &progressBar{w: &out}
	bar.show(0, 2, "none")
	bar.show(1, 2, "half")
	bar.show(1, 2, "half")
	bar.show(0, 0, "ok")
	bar.end()

	half, full := strings.Repeat("#", 12)+strings.Repeat(".", 12), strings.Repeat("#", 24)
	want := "\r[" + strings.Repeat(".", 24) + "] none\r[" + half + "] half\r[" + full + "] ok  \r" +
		strings.Repeat(" ", 29) + "\r"
	if out.String() != want {
		t.Errorf("got %q, want %q", out.String(), want)
	}

	if bar := newProgressBar(&out); bar.w != nil {
		t.Error("a bar is shown on what is no terminal")
	}
}
