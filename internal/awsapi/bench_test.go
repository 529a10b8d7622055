package awsapi

import (
	"bytes"
	"context"
	stdjson "encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/poolhouse-id/poolhouse/internal/overload"
)

type lookUpInput struct {
	AccountID *string           `json:"AccountId,omitzero"`
	StoreID   *string           `json:"StoreId,omitzero"`
	Keys      map[string]string `json:"Keys,omitzero"`
}

var (
	storeIDShape = String{Min: 1, Max: 55, Pattern: NewPattern(`[\w-]+:[0-9a-f-]+`)}
	keyShape     = String{Min: 1, Max: 128}
	secretShape  = String{Min: 1, Max: 50000, Sensitive: true}
	keysShape    = Map{Max: 10, Key: &keyShape, Value: &secretShape}
)

func (in *lookUpInput) Validate() []Violation {
	var v Validator
	v.String("accountId", in.AccountID, &keyShape, false)
	v.String("storeId", in.StoreID, &storeIDShape, true)
	v.Map("keys", in.Keys, &keysShape, false)
	return v.Violations()
}

type lookUpOutput struct {
	ID *string `json:"Id,omitzero"`
}

const lookUpBody = `{"StoreId":"us-east-1:11111111-2222-3333-4444-555555555555","Keys":{}}`

// discard is a ResponseWriter that costs nothing of its own.
type discard struct{ h http.Header }

func (d discard) Header() http.Header         { return d.h }
func (d discard) Write(b []byte) (int, error) { return len(b), nil }
func (d discard) WriteHeader(int)             {}

func benchmark(b *testing.B, h http.Handler) {
	body := bytes.NewReader(nil)
	r := httptest.NewRequest("POST", "/", io.NopCloser(body))
	r.Header.Set("X-Amz-Target", "StoreService.LookUp")
	r.Header.Set("Content-Type", "application/x-amz-json-1.1")
	r.ContentLength = int64(len(lookUpBody))
	rc := r.Body
	w := discard{http.Header{}}
	b.ReportAllocs()

	for b.Loop() {
		body.Reset([]byte(lookUpBody))
		r.Body = rc
		clear(w.h)
		h.ServeHTTP(w, r)
	}
}

// benchmarkHTTP measures h behind a real listening server, with as many clients
// as there are processors.
func benchmarkHTTP(b *testing.B, h http.Handler) {
	server := httptest.NewServer(h)
	defer server.Close()

	transport := &http.Transport{MaxIdleConnsPerHost: 64}
	defer transport.CloseIdleConnections()

	client := &http.Client{Transport: transport}
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			r, err := http.NewRequest("POST", server.URL, strings.NewReader(lookUpBody))
			if err != nil {
				b.Error(err)
				return
			}
			r.Header.Set("X-Amz-Target", "StoreService.LookUp")
			res, err := client.Do(r)
			if err != nil {
				b.Error(err)
				return
			}
			_, _ = io.Copy(io.Discard, res.Body)
			_ = res.Body.Close()
		}
	})
}

// The handlers parse and answer the same JSON. Run with -bench=LookUp.
func BenchmarkLookUp(b *testing.B) {
	do := func(_ context.Context, in *lookUpInput) (*lookUpOutput, error) {
		return &lookUpOutput{ID: in.StoreID}, nil
	}
	api := API{Name: "store", Target: "StoreService", Operations: []Operation{Public("LookUp", overload.Reads, do)}}
	bare := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		in := new(lookUpInput)
		if stdjson.NewDecoder(r.Body).Decode(in) != nil {
			http.Error(w, "bad input", http.StatusBadRequest)
			return
		}
		out, _ := do(r.Context(), in)
		w.Header().Set("Content-Type", "application/x-amz-json-1.1")
		_ = stdjson.NewEncoder(w).Encode(out)
	})
	b.Run("bare", func(b *testing.B) { benchmark(b, bare) })
	b.Run("bare over HTTP", func(b *testing.B) { benchmarkHTTP(b, bare) })

	b.Run("service over HTTP", func(b *testing.B) {
		s, err := New(Options{APIs: []API{api}})
		if err != nil {
			b.Fatal(err)
		}
		benchmarkHTTP(b, s)
	})

	b.Run("service", func(b *testing.B) {
		s, err := New(Options{APIs: []API{api}})
		if err != nil {
			b.Fatal(err)
		}
		benchmark(b, s)
	})

	b.Run("service with access log", func(b *testing.B) {
		s, err := New(Options{APIs: []API{api}, Logger: slog.New(slog.NewJSONHandler(io.Discard, nil))})
		if err != nil {
			b.Fatal(err)
		}
		benchmark(b, s)
	})

	b.Run("decode", func(b *testing.B) {
		b.ReportAllocs()

		body := []byte(lookUpBody)
		for b.Loop() {
			_ = decodeJSON(body, new(lookUpInput))
		}
	})

	b.Run("validate", func(b *testing.B) {
		b.ReportAllocs()
		in := new(lookUpInput)
		_ = decodeJSON([]byte(lookUpBody), in)

		for b.Loop() {
			in.Validate()
		}
	})
}
