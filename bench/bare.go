package main

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"strconv"

	"github.com/go-json-experiment/json"

	"github.com/poolhouse-id/poolhouse/internal/cognitoidentity"
)

// Environment of the bare server.
const (
	bareAddress = "POOLHOUSE_BENCH_ADDRESS"
	bareAnswers = "POOLHOUSE_BENCH_ANSWERS" // base64 of a JSON object: scenario number to Poolhouse's answer
)

// serveBare is the server that Poolhouse is compared with: net/http, the same JSON
// library and the same types, and nothing else. POST /N parses the input of scenario N
// and answers with its sample.
func serveBare(context.Context) error {
	samples := map[string][]byte{}
	encoded, err := base64.StdEncoding.DecodeString(os.Getenv(bareAnswers))
	if err != nil {
		return err
	}
	if err := json.Unmarshal(encoded, &samples); err != nil {
		return err
	}

	mux := http.NewServeMux()
	mux.HandleFunc("GET /readyz", func(http.ResponseWriter, *http.Request) {})

	for n, s := range allScenarios() {
		sample, ok := samples[strconv.Itoa(n)]
		if !ok {
			continue
		}

		var h http.Handler
		switch s.operation {
		case "GetId":
			h, err = bare[cognitoidentity.GetIdInput, cognitoidentity.GetIdResponse](sample)
		case "GetOpenIdToken":
			h, err = bare[cognitoidentity.GetOpenIdTokenInput, cognitoidentity.GetOpenIdTokenResponse](sample)
		case "GetCredentialsForIdentity":
			h, err = bare[cognitoidentity.GetCredentialsForIdentityInput, credentialsAnswer](sample)
		case "DescribeIdentityPool":
			h, err = bare[cognitoidentity.DescribeIdentityPoolInput, cognitoidentity.IdentityPool](sample)
		default:
			err = errors.New("unknown operation")
		}
		if err != nil {
			return fmt.Errorf("bare handler of %s: %w", s.operation, err)
		}
		mux.Handle("POST /"+strconv.Itoa(n), h)
	}

	l, err := net.Listen("tcp", os.Getenv(bareAddress))
	if err != nil {
		return err
	}

	return http.Serve(l,
		mux) //nolint:gosec // time limits would cost time; it lives for minutes on 127.0.0.1
}

// credentialsAnswer is the answer of GetCredentialsForIdentity, whose own type
// cannot be read.
type credentialsAnswer struct {
	Credentials struct {
		AccessKeyId  *string
		Expiration   *int64 // seconds
		SecretKey    *string
		SessionToken *string
	}
	IdentityId *string
}

// bare parses an In and answers with an Out like the sample.
func bare[In, Out any](sample []byte) (http.Handler, error) {
	answer := new(Out)
	if err := json.Unmarshal(sample, answer); err != nil {
		return nil, err
	}
	again, err := json.Marshal(answer)
	if err != nil {
		return nil, err
	}
	if len(again) != len(sample) {
		return nil, fmt.Errorf("the sample has %d bytes and its answer would have %d", len(sample), len(again))
	}

	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var in In
		if err := json.UnmarshalRead(r.Body, &in); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		text, err := json.Marshal(answer)
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		w.Header().Set("Content-Type", "application/x-amz-json-1.1")
		_, _ = w.Write(text) // a client that is gone cannot be told
	}), nil
}

// startBare starts the bare server with the answers given by scenario.
func (b *bench) startBare(ctx context.Context, samples map[string][]byte) (*process, error) {
	text, err := json.Marshal(samples)
	if err != nil {
		return nil, err
	}
	address, err := freeAddress()
	if err != nil {
		return nil, err
	}

	return spawn(ctx, b.dir, address, b.self, []string{
		roleVariable + "=" + roleBare, bareAddress + "=" + address, bareAnswers + "=" +
			base64.StdEncoding.EncodeToString(text)})
}
