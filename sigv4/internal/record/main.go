// Command record makes the golden requests of package sigv4. It runs real AWS clients with made-up keys against a
// local listener, and writes each raw request to a file, and the client and keys to golden.json.
//
//	npm install --prefix DIR @aws-sdk/client-cognito-identity @aws-sdk/client-sts
//	go run ./sigv4/internal/record -out sigv4/testdata/golden \
//		-awscli /usr/bin/aws,aws -python /usr/bin/python3,python3 -node DIR
//
// Each list has the versions of one tool to record; an empty list leaves the tool out. The AWS SDK for Go is that of
// go.mod and is always recorded. The command first deletes old requests. All bytes are as sent, except that the
// User-Agent, which no client signs, is cut short. No request leaves the machine.
package main

import (
	"cmp"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"
)

// Keys that are obviously not real. The token has characters that a query must escape.
const (
	accessKeyID  = "AKIDPOOLHOUSEEXAMPLE"
	secret       = "poolhouse/example+secret/not+a+real+key0"
	sessionToken = "poolhouse//example+session+token/not+real=="
	region       = "eu-central-1"
	poolName     = "Prüfstand 泳ぐ-1"
)

// userAgent matches the header that no client signs. Only the client's name is kept, because the rest describes the
// machine.
var userAgent = regexp.MustCompile(`(?mi)^(user-agent: \S+) .*\r$`)

// golden is one entry of golden.json.
type golden struct {
	File         string    `json:"file"`
	Client       string    `json:"client"`
	Call         string    `json:"call"`
	AccessKeyID  string    `json:"accessKeyId"`
	Secret       string    `json:"secret"`
	SessionToken string    `json:"sessionToken,omitempty"`
	Region       string    `json:"region"`
	Service      string    `json:"service"`
	Presigned    bool      `json:"presigned,omitempty"`
	Time         time.Time `json:"time"` // when the request arrived
}

func main() {
	log.SetFlags(0)
	listen := flag.String("listen", "127.0.0.1:8423", "address to record on; it becomes the Host of the requests")
	out := flag.String("out", "", "folder to write to")
	awscli := flag.String("awscli", "", "aws commands, separated by commas")
	python := flag.String("python", "", "python commands with boto3, separated by commas")
	node := flag.String("node", "", "folder with the node modules of the AWS SDK for JavaScript")
	curl := flag.String("curl", "curl", "curl command with --aws-sigv4")
	flag.Parse()

	if *out == "" {
		log.Fatal("record: -out is required; it names the folder to write to")
	}

	ctx := context.Background()
	capture, err := newCapture(*listen)
	if err != nil {
		log.Fatalf("record: %v", err)
	}
	base := "http://" + *listen

	var recorders []recorder
	for _, command := range list(*awscli) {
		recorders = append(recorders, awsCLI(command, base))
	}

	for _, command := range list(*python) {
		recorders = append(recorders, boto3(command, base))
	}
	if *node != "" {
		recorders = append(recorders, javaScript(*node, base))
	}
	if *curl != "" {
		recorders = append(recorders, curlTool(*curl, base))
	}
	recorders = append(recorders, goSDK(base))

	if err := run(ctx, recorders, capture, *out); err != nil {
		log.Fatalf("record: %v", err)
	}
}

func run(ctx context.Context, recorders []recorder, capture *capture, out string) error {
	old, err := filepath.Glob(filepath.Join(out, "*.http"))
	if err != nil {
		return err
	}

	for _, file := range old {
		if err := os.Remove(file); err != nil {
			return err
		}
	}
	if err := os.MkdirAll(out, 0o755); err != nil {
		return err
	}

	var index []golden
	for _, rec := range recorders {
		client, err := rec.version(ctx)
		if err != nil {
			return err
		}

		for _, call := range rec.calls {
			if err := call.run(ctx); err != nil {
				return fmt.Errorf("%s %s: %w", client, call.name, err)
			}
			raw, at, err := capture.next()
			if err != nil {
				return fmt.Errorf("%s %s: %w", client, call.name, err)
			}

			g := golden{
				File:        fileName(client, call.name),
				Client:      client,
				Call:        call.name,
				AccessKeyID: accessKeyID,
				Secret:      secret,
				Region:      region,
				Service:     call.service,
				Presigned:   call.presigned,
				Time:        at,
			}
			if call.session {
				g.SessionToken = sessionToken
			}

			raw = userAgent.ReplaceAll(raw, []byte("$1\r"))
			if err := os.WriteFile(filepath.Join(out, g.File), raw, 0o644); err != nil {
				return err
			}
			index = append(index, g)
			log.Printf("%-60s %d bytes", g.File, len(raw))
		}
	}

	slices.SortFunc(index, func(a, b golden) int { return cmp.Compare(a.File, b.File) })
	text, err := json.MarshalIndent(index, "", "\t")
	if err != nil {
		return err
	}

	return os.WriteFile(filepath.Join(out, "golden.json"), append(text, '\n'), 0o644)
}

func list(s string) []string {
	return slices.DeleteFunc(strings.Split(s, ","), func(s string) bool { return s == "" })
}

func fileName(client, call string) string {
	return strings.NewReplacer(" ", "-", "/", "-").Replace(strings.ToLower(client)+"-"+call) + ".http"
}
