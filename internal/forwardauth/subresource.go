package forwardauth

import (
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// subresources has the query parameters that select another action of S3 (Amazon S3 API
// Reference, "Actions"), MinIO or Ceph. A route of S3 matches requests with them only if
// its Match names them.
var subresources = foldedNames(
	"abac", "accelerate", "acl", "analytics", "append", "attributes", "cors", "delete", "encryption", "events",
	"intelligent-tiering", "inventory", "lambdaArn", "legal-hold", "lifecycle", "location", "logging",
	"metadataConfiguration", "metadataInventoryTable", "metadataJournalTable", "metadataTable", "metrics",
	"notification", "object-lock", "ownershipControls", "partNumber", "policy", "policyStatus", "position",
	"publicAccessBlock", "quota", "renameObject",
	"replication", "replication-check", "replication-metrics", "replication-reset", "requestPayment", "restore",
	"retention", "select", "select-type", "session", "syncing", "tagging", "torrent", "uploadId", "uploads", "usage",
	"versionId", "versioning", "versions", "website",
	"x-amz-copy-source", "x-amz-meta-snowball-auto-extract", "x-amz-rename-source", "x-amz-snowball-auto-extract",
	"x-goog-copy-source",
)

// foldedNames returns the set of folded names.
func foldedNames(names ...string) map[string]bool {
	set := map[string]bool{}
	for _, name := range names {
		set[foldParameter(name)] = true
	}
	return set
}

// implied has the sub-resources that belong to an action of S3, so that a Match need not
// name them (IAM Service Authorization Reference, "Actions, resources, and condition keys
// for Amazon S3").
var implied = []struct {
	action  string // in lower case
	methods []string
	names   []string
}{
	{"s3:putobject", []string{"PUT"}, []string{"partNumber", "uploadId"}},
	{"s3:putobject", []string{"POST"}, []string{"uploadId", "uploads"}},
	{"s3:getobject", []string{"GET", "HEAD"}, []string{"partNumber"}},
	{"s3:getobjectversion", []string{"GET", "HEAD"}, []string{"partNumber", "versionId"}},
	{"s3:deleteobjectversion", []string{"DELETE"}, []string{"versionId"}},
	{"s3:listbucketversions", []string{"GET"}, []string{"versions"}},
	{"s3:listbucketmultipartuploads", []string{"GET"}, []string{"uploads"}},
	{"s3:listmultipartuploadparts", []string{"GET"}, []string{"uploadId"}},
	{"s3:abortmultipartupload", []string{"DELETE"}, []string{"uploadId"}},
}

// selectors returns the parameters of a query that select an action: S3's sub-resources if
// s3 is true, and all names in a Match of the routes. The names are as written, decoded
// once.
func selectors(query string, s3 bool, named map[string]bool) []string {
	var found []string
	for raw := range parameters(query) {
		if folded := foldParameter(raw); !named[folded] && (!s3 || !subresources[folded]) {
			continue
		}

		name, err := url.PathUnescape(raw)
		if err != nil {
			name = raw
		}
		found = append(found, name)
	}

	return found
}

// covers reports whether a route matches a request with the selectors given: all that the
// route names, and no others but those that its action implies. If not, it returns the
// selector at fault, "" if one is missing.
func (r *route) covers(method string, given []string) (fault string, ok bool) {
	for _, name := range r.query {
		if !slices.Contains(given, name) {
			return "", false
		}
	}

	for _, name := range given {
		if !slices.Contains(r.query, name) && !r.implies(method, name) {
			return name, false
		}
	}

	return "", true
}

func (r *route) implies(method, name string) bool {
	for _, i := range implied {
		if strings.EqualFold(i.action, r.action) && slices.Contains(i.methods, method) &&
			slices.Contains(i.names, name) {
			return true
		}
	}
	return false
}

// isS3 reports whether an action is one of S3's.
func isS3(action string) bool {
	service, _, _ := strings.Cut(action, ":")
	return strings.EqualFold(service, "s3")
}

// copySource is the header that names the object to copy.
const copySource = "X-Amz-Copy-Source"

// otherObjects has headers with which S3, MinIO and Google Cloud Storage read or write
// objects that the path does not name. No route matches requests with them.
var otherObjects = []string{
	"X-Amz-Rename-Source",
	"X-Amz-Snowball-Auto-Extract",
	"X-Amz-Meta-Snowball-Auto-Extract",
	"X-Goog-Copy-Source",
}

// copied returns the object from which a request to S3 copies, as the path and query of
// a request to get it; "" if there is none.
func copied(h http.Header) (uri string, err error) {
	var values []string
	for name, list := range h {
		switch folded := foldExtension(name); {
		case slices.Contains(otherObjects, folded), folded == copySource && !strings.EqualFold(name, copySource):
			return "", errors.New("the header " + name + " names objects that no route stands for")
		case folded == copySource:
			values = append(values, list...)
		}
	}
	if len(values) == 0 {
		return "", nil
	}

	source := strings.TrimPrefix(values[0], "/")
	_, version, versioned := strings.Cut(source, "?")
	switch {
	case len(values) > 1:
		return "", errors.New("the header " + copySource + " came twice")
	case !isTarget(source), strings.Contains(source, "+"), !strings.Contains(source, "/"),
		strings.HasPrefix(source, "arn:"):
		return "", errors.New("the header " + copySource + " is not bucket/key, escaped as in a URL")
	case versioned && (!strings.HasPrefix(version, "versionId=") || strings.ContainsAny(version, "&;")):
		return "", errors.New("the header " + copySource + " has more than a versionId")
	}

	return "/" + source, nil
}

// source returns the additional permission that a request to S3 needs because it copies
// another object: the permission to get that object. It is nil if there is no copy.
func (h *Handler) source(header http.Header) (*match, string, error) {
	uri, err := copied(header)
	if err != nil {
		return nil, "", copyRefused(err.Error())
	}
	if uri == "" {
		return nil, "", nil
	}

	path, query, _ := strings.Cut(uri, "?")
	segments, err := splitPath(path)
	if err != nil {
		return nil, "", copyRefused(err.Error())
	}

	found, err := h.routes.find(http.MethodGet, segments, query)
	if err != nil || !isS3(found.action) {
		return nil, "", copyRefused("no route stands for getting the object that is copied")
	}

	// The service reads the bucket that the header names, so the route must be about the same one.
	if _, object, _ := strings.Cut(found.resource, ":::"); object != strings.Join(segments, "/") {
		return nil, "", copyRefused("the route for getting the object that is copied is about another object")
	}

	return &found, uri, nil
}

func copyRefused(fault string) error {
	return forbidden("CopySource", "The request is about another object than its path names.",
		copyOther.With("fault", fault))
}
