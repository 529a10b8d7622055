package forwardauth

import (
	"net/http"
	"strings"
	"testing"
)

const ownFiles = `{"Effect":"Allow","Action":"s3:*","Resource":"arn:aws:s3:::files/own/*"},
	{"Effect":"Allow","Action":"s3:ListBucket","Resource":"arn:aws:s3:::files"}`

// newFiles is an endpoint with the routes of the documents, and one for an ACL.
func newFiles(t *testing.T, more ...Route) bucket {
	t.Helper()
	const object = "arn:aws:s3:::files/{path}"

	return newBucketWith(t, ownFiles, Config{Service: "s3", Region: "us-east-1", Body: unchecked, Routes: append(more,
		Route{Match: "GET /files", Action: "s3:ListBucket", Resource: "arn:aws:s3:::files"},
		Route{Match: "GET /files/{path...}", Action: "s3:GetObject", Resource: object},
		Route{Match: "PUT /files/{path...}", Action: "s3:PutObject", Resource: object},
		Route{Match: "POST /files/{path...}", Action: "s3:PutObject", Resource: object},
		Route{Match: "DELETE /files/{path...}", Action: "s3:DeleteObject", Resource: object},
		Route{Match: "/{all...}", Action: "s3:ListBucket", Resource: "arn:aws:s3:::files"},
		Route{Match: "/files/{all...}", Action: "s3:ListBucket", Resource: "arn:aws:s3:::files"},
		Route{Match: "/app/{all...}", Action: "app:Open", Resource: "*"},
	)})
}

// No sub-resource of S3 gets through by the route for the object or the bucket
// itself, in any spelling.
func TestSubresourcesNeedARoute(t *testing.T) {
	b := newFiles(t)
	refused := func(method, uri string) {
		t.Helper()
		w, trace := b.answer(t, method, uri, nil, "")
		if w.Code != http.StatusForbidden || w.Header().Get(headerReason) != "Subresource" {
			t.Errorf("%s %s: %d %s", method, uri, w.Code, w.Body)
			return
		}
		if steps := trace.Steps(); len(steps) != 1 || !strings.Contains(steps[0].Fix, "?acl") {
			t.Errorf("%s %s: %+v", method, uri, steps)
		}
	}

	for _, name := range []string{
		"acl", "tagging", "retention", "legal-hold", "restore", "versionId", "select", "attributes", "torrent",
		"policy",
		"lifecycle", "cors", "website", "notification", "replication", "encryption", "versioning", "versions",
		"logging",
		"object-lock", "delete", "location", "accelerate", "requestPayment", "ownershipControls", "publicAccessBlock",
		"policyStatus", "intelligent-tiering", "inventory", "analytics", "metrics", "session", "renameObject",
		"x-amz-copy-source", "X-Amz-Copy-Source", "x-amz-rename-source", "X-Amz-Meta-Snowball-Auto-Extract",
	} {
		for _, method := range []string{"GET", "HEAD", "PUT", "POST", "DELETE"} {
			refused(method, "/files/own/a?"+name+"=/files/other/secret")
		}
		refused("PUT", "/files/own/a?"+name)
		refused("GET", "/files?list-type=2&"+name)
	}

	for _, spelling := range []string{
		"ACL", "%61cl", "%2561cl", "acl%5B%5D", "%20acl", "+acl", "acl%20", "acl%00", "acl%00x", "Acl", "legal_hold",
		"legal.hold",
		"VERSIONID=1", "x_amz_copy_source=b/k", "UploadId=1",
	} {
		refused("GET", "/files/own/a?"+spelling)
	}

	// Parts of uploads with another method are other actions.
	for _, request := range []string{
		"GET /files/own/a?uploadId=1", "DELETE /files/own/a?uploadId=1", "GET /files?uploads",
		"PUT /files/own/a?uploads",
		"POST /files/own/a?partNumber=1", "DELETE /files/own/a?partNumber=1",
	} {
		method, uri, _ := strings.Cut(request, " ")
		refused(method, uri)
	}
}

// What S3's clients send with the actions of the routes gets through.
func TestParametersOfTheActionItself(t *testing.T) {
	b := newFiles(t)
	for _, request := range []string{
		"GET /files?list-type=2&prefix=own/&delimiter=%2F&max-keys=10&continuation-token=x&start-after=y&" +
			"encoding-type=url&fetch-owner=true",
		"GET /files?marker=x&x-id=ListObjects",
		"GET /files/own/a?x-id=GetObject&response-content-type=text%2Fplain&" +
			"response-content-disposition=attachment%3B%20filename%3Dacl",
		"GET /files/own/a?partNumber=1", "HEAD /files/own/a?partNumber=1", "GET /files/own/a?v=1&aclx&my-acl",
		"POST /files/own/a?uploads", "PUT /files/own/a?partNumber=1&uploadId=x", "POST /files/own/a?uploadId=x",
		"DELETE /files/own/a?x-id=DeleteObject",
	} {
		method, uri, _ := strings.Cut(request, " ")
		if w, _ := b.answer(t, method, uri, nil, ""); w.Code != http.StatusOK {
			t.Errorf("%s: %d %s", request, w.Code, w.Body)
		}
	}
}

// A route that names a parameter stands for the requests that have it, before or
// after the route without.
func TestRoutesWithParameters(t *testing.T) {
	const object = "arn:aws:s3:::files/{path}"
	routes := []Route{
		{Match: "GET /files/{path...}?acl", Action: "s3:GetObjectAcl", Resource: object},
		{Match: "GET /files/{path...}", Action: "s3:GetObject", Resource: object},
		{Match: "GET /files/{path...}?acl&versionId", Action: "s3:GetObjectVersionAcl", Resource: object},
		{Match: "GET /files/{path...}?versionId", Action: "s3:GetObjectVersion", Resource: object},
		{Match: "DELETE /files/{path...}?uploadId", Action: "s3:AbortMultipartUpload", Resource: object},
		{Match: "GET /app?admin", Action: "app:Admin", Resource: "*"},
		{Match: "GET /app", Action: "app:Open", Resource: "*"},
	}

	t1, err := newTable(routes)
	if err != nil {
		t.Fatal(err)
	}

	for request, want := range map[string]string{
		"GET /files/a?acl":                      "s3:GetObjectAcl",
		"GET /files/a?acl=&x-id=x":              "s3:GetObjectAcl",
		"HEAD /files/a?acl":                     "s3:GetObjectAcl",
		"GET /files/a":                          "s3:GetObject",
		"GET /files/a?versionId=1":              "s3:GetObjectVersion",
		"GET /files/a?versionId=1&acl":          "s3:GetObjectVersionAcl",
		"GET /files/a?versionId=1&partNumber=2": "s3:GetObjectVersion",
		"DELETE /files/a?uploadId=1":            "s3:AbortMultipartUpload",
		"DELETE /files/a":                       "NoRoute",
		"GET /files/a?tagging":                  "Subresource",
		"GET /files/a?acl&tagging":              "Subresource",
		"GET /files/a?ACL":                      "Subresource",
		"GET /app":                              "app:Open",
		"GET /app?acl":                          "Subresource", // some route names it
		"GET /app?tagging":                      "app:Open",
		"GET /app?admin":                        "app:Admin",
		"GET /app?ADMIN":                        "Subresource",
		"GET /app?admin%5B%5D=1":                "Subresource",
	} {
		method, uri, _ := strings.Cut(request, " ")
		path, query, _ := strings.Cut(uri, "?")
		segments, err := splitPath(path)
		if err != nil {
			t.Fatal(err)
		}
		found, err := t1.find(method, segments, query)
		if err != nil {
			found = match{action: err.(*denied).code}
		}

		if found.action != want {
			t.Errorf("%s: %s, want %s", request, found.action, want)
		}
	}

	for _, query := range []string{"?", "?acl=", "?acl&", "?acl&acl", "?a b", "?%61cl", "?acl?x",
		"?x-amz-copy-source", "?X-Amz-Acl", "?{acl}"} {
		if _, err := parseRoute(Route{Match: "GET /a" + query, Action: "s3:GetObject", Resource: "*"}); err == nil {
			t.Errorf("the match GET /a%s is accepted", query)
		}
	}
}

// A copy needs permission to get the object that it copies.
func TestCopySources(t *testing.T) {
	version := Route{Match: "GET /files/{path...}?versionId", Action: "s3:GetObjectVersion",
		Resource: "arn:aws:s3:::files/{path}"}
	hidden := Route{Match: "GET /moved/{path...}", Action: "s3:GetObject", Resource: "arn:aws:s3:::files/own/{path}"}

	b := newFiles(t, version, hidden)
	for _, tc := range []struct {
		name   string
		values []string
		want   string
	}{
		{"X-Amz-Copy-Source", []string{"/files/own/b"}, ""},
		{"X-Amz-Copy-Source", []string{"files/own/b%20c"}, ""},
		{"X-Amz-Copy-Source", []string{"/files/own/b?versionId=1"}, ""},

		{"X-Amz-Copy-Source", []string{"/files/other/secret"}, "AccessDenied"},
		{"X-Amz-Copy-Source", []string{"files/other/secret"}, "AccessDenied"},
		{"X-Amz-Copy-Source", []string{"files/%6fther/secret"}, "AccessDenied"},
		{"X-Amz-Copy-Source", []string{"/files/other/secret?versionId=1"}, "AccessDenied"},

		{"X-Amz-Copy-Source", []string{"/others/own/b"}, "CopySource"},
		{"X-Amz-Copy-Source", []string{"/moved/b"}, "CopySource"},
		{"X-Amz-Copy-Source", []string{"/app/b"}, "CopySource"},
		{"X-Amz-Copy-Source", []string{"/files/own/../other/secret"}, "CopySource"},
		{"X-Amz-Copy-Source", []string{"/files/own/%2e%2e/other/secret"}, "CopySource"},
		{"X-Amz-Copy-Source", []string{"/files/own%2Fb"}, "CopySource"},
		{"X-Amz-Copy-Source", []string{"//files/own/b"}, "CopySource"},
		{"X-Amz-Copy-Source", []string{"/files/own/a+b"}, "CopySource"},
		{"X-Amz-Copy-Source", []string{"/files/own/a b"}, "CopySource"},
		{"X-Amz-Copy-Source", []string{"/files/own/b?acl"}, "CopySource"},
		{"X-Amz-Copy-Source", []string{"/files/own/b?versionId=1&acl"}, "CopySource"},
		{"X-Amz-Copy-Source", []string{"/files/own/b?versionid=1"}, "CopySource"},
		{"X-Amz-Copy-Source", []string{"files"}, "CopySource"},
		{"X-Amz-Copy-Source", []string{""}, "CopySource"},
		{"X-Amz-Copy-Source", []string{"arn:aws:s3:us-east-1:" + account + ":accesspoint/x/object/files/own/b"},
			"CopySource"},
		{"X-Amz-Copy-Source", []string{"https://files.example.com/files/own/b"}, "CopySource"},
		{"X_amz_copy_source", []string{"/files/own/b"}, "CopySource"},
		{"X.amz.copy.source", []string{"/files/own/b"}, "CopySource"},
		{"X-Amz-Rename-Source", []string{"/files/own/b"}, "CopySource"},
		{"X-Goog-Copy-Source", []string{"/files/own/b"}, "CopySource"},
		{"X-Amz-Meta-Snowball-Auto-Extract", []string{"true"}, "CopySource"},
	} {
		for _, uri := range []string{"/files/own/a", "/files/own/a?partNumber=1&uploadId=x"} {
			w, trace := b.answer(t, "PUT", uri, http.Header{tc.name: tc.values}, "")
			if got := w.Header().Get(headerReason); got != tc.want || tc.want != "" &&
				(w.Code != http.StatusForbidden || trace.Steps()[len(trace.Steps())-1].Fix == "") {
				t.Errorf("%s: %q: %d %s, want %q", tc.name, tc.values, w.Code, w.Body, tc.want)
			}
		}
	}
}
