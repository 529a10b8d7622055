package iamapi

import (
	"bytes"
	"encoding/base64"
	"unicode/utf8"

	"github.com/poolhouse-id/poolhouse/internal/awsapi"
)

// paging is what a listing is asked for.
type paging struct {
	marker   *string
	maxItems *int
}

const defaultItems = 100 // IAM API reference, MaxItems

func (p paging) limit() int {
	if p.maxItems == nil {
		return defaultItems
	}
	return *p.maxItems
}

// Bounds of keys in bytes: of ARNs and tags, which are the longest, and of
// names with their kind in front.
const (
	maxKey     = 1024
	maxNameKey = 2 + 128
)

// after is the key that the page begins after; "" = the first page.
func (p paging) after() (string, error) { return p.within(maxKey) }

// afterName is after where keys are names.
func (p paging) afterName() (string, error) { return p.within(maxNameKey) }

func (p paging) within(limit int) (string, error) {
	if p.marker == nil {
		return "", nil
	}
	key, err := base64.RawURLEncoding.DecodeString(*p.marker)
	if err != nil || len(key) == 0 || len(key) > limit || !utf8.Valid(key) || bytes.IndexByte(key, 0) >= 0 {
		return "", awsapi.RefusedAs(awsapi.InvalidInput, markerForeign.With(), markerForeign.Message)
	}
	return string(key), nil
}

// pageEnd closes a page: whether more follow, and the marker to go on with.
type pageEnd struct {
	IsTruncated bool
	Marker      *string `xml:",omitempty"`
}

// cut cuts found, which is sorted by key and has one more than the limit when
// more follow, to a page.
func cut[T any](p paging, found []T, key func(T) string) ([]T, pageEnd) {
	if len(found) <= p.limit() {
		return found, pageEnd{}
	}
	page := found[:p.limit()]
	return page, pageEnd{true, new(base64.RawURLEncoding.EncodeToString([]byte(key(page[len(page)-1]))))}
}

// page takes a page out of all, which is sorted by key.
func page[T any](p paging, all []T, key func(T) string) ([]T, pageEnd, error) {
	after, err := p.after()
	if err != nil {
		return nil, pageEnd{}, err
	}
	for len(all) > 0 && after != "" && key(all[0]) <= after {
		all = all[1:]
	}
	found, end := cut(p, all, key)
	return found, end, nil
}
