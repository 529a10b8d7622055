// Package devstyle has the style sheet of the pages of `poolhouse dev`, so that they look alike.
package devstyle

import (
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
)

// CSS is the style sheet. Pages have it in a style element.
//
//go:embed style.css
var CSS string

// Source is the source of CSS for style-src of a content security policy, which allows no other style.
var Source = Digest(CSS)

// Digest returns the source of a style sheet for style-src.
func Digest(sheet string) string {
	sum := sha256.Sum256([]byte(sheet))
	return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
}
