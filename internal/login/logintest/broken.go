package logintest

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
)

// Answer responds with a status, a content type and a body.
func Answer(status int, contentType, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header()["Content-Type"] = []string{contentType}
		if contentType == "" {
			w.Header()["Content-Type"] = nil // so that net/http guesses none
		}
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

// Endless sends size bytes of white space, with or without a Content-Length, and
// counts them in sent.
func Endless(size int64, announced bool, sent *atomic.Int64) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		if announced {
			w.Header().Set("Content-Length", fmt.Sprint(size))
		}

		blanks := []byte(strings.Repeat(" ", 64<<10))
		for left := size; left > 0; left -= int64(len(blanks)) {
			n, err := w.Write(blanks)
			sent.Add(int64(n))
			if err != nil {
				return
			}
		}
	}
}

// BrokenAnswers returns responses about a login that prove nothing and refuse
// nothing, whatever the provider's API. The large ones count their bytes in sent.
func BrokenAnswers(sent *atomic.Int64) map[string]http.HandlerFunc {
	const media = "application/json"
	as := func(contentType string, h http.HandlerFunc) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", contentType)
			h(w, r)
		}
	}

	redirect := func(status int, location string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Location", location)
			JSON(w, status, map[string]any{})
		}
	}

	return map[string]http.HandlerFunc{
		"500":                Answer(500, media, `{"error":"invalid_token"}`),
		"502 in HTML":        Answer(502, "text/html", ""),
		"404":                Answer(404, media, `{}`),
		"404 in HTML":        Answer(404, "text/html", ""),
		"429":                Answer(429, media, `{"error":{"code":190}}`),
		"204":                func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(204) },
		"HTML with 200":      Answer(200, "text/html", "<!DOCTYPE html><title>Sign in</title>"),
		"HTML with 400":      Answer(400, "text/html", ""),
		"HTML with 401":      Answer(401, "text/html", ""),
		"HTML as JSON":       Answer(200, media, "<!DOCTYPE html>"),
		"no content type":    Answer(200, "", `{"id":"1"}`),
		"nothing":            Answer(200, media, ""),
		"null":               Answer(200, media, "null"),
		"list":               Answer(200, media, `[{"id":"1"}]`),
		"no members":         Answer(200, media, "{}"),
		"cut short":          Answer(200, media, `{"id":"12`),
		"tail":               Answer(200, media, `{"id":"1"}{"id":"2"}`),
		"invalid UTF-8":      Answer(200, media, "{\"id\":\"\xff\"}"),
		"nested deeply":      Answer(200, media, strings.Repeat(`{"a":`, 10_000)+"1"+strings.Repeat("}", 10_000)),
		"redirect":           redirect(302, "http://169.254.169.254/latest/meta-data/"),
		"redirect with JSON": redirect(307, "/other"),
		"100 MB announced":   as(media, Endless(100<<20, true, sent)),
		"100 MB":             as(media, Endless(100<<20, false, sent)),
		"compressed": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Encoding", "gzip")
			JSON(w, 200, map[string]any{})
		},
		"connection closed": func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
		"not HTTP": func(w http.ResponseWriter, r *http.Request) {
			conn, _, err := w.(http.Hijacker).Hijack()
			if err == nil {
				// It repeats the credential.
				_, _ = io.WriteString(conn, "HTTP/1.1 "+r.Header.Get("Authorization")+r.URL.RawQuery+"\r\n\r\n")
				_ = conn.Close()
			}
		},
	}
}
