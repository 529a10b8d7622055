package iamapi

import (
	"bytes"
	"encoding/base64"
	"unicode/utf8"

	"github.com/poolhouse-id/poolhouse/internal/awsapi"
)

// paging is the part of an input that selects a page of a listing.
type paging struct {
	Marker   *string
	MaxItems *int
}

const defaultItems = 100 // IAM API reference, MaxItems

func (p paging) limit() int {
	if p.MaxItems == nil {
		return defaultItems
	}
	return *p.MaxItems
}

// Bounds of keys in bytes: for ARNs and tags, which are the longest, and for
// names with the prefix of their kind.
const (
	maxKey     = 1024
	maxNameKey = 2 + 128
)

// after returns the key that the page begins after; "" = the first page.
func (p paging) after() (string, error) { return p.within(maxKey) }

// afterName is like after, for listings whose keys are names.
func (p paging) afterName() (string, error) { return p.within(maxNameKey) }

func (p paging) within(limit int) (string, error) {
	if p.Marker == nil {
		return "", nil
	}
	key, err := base64.RawURLEncoding.DecodeString(*p.Marker)
	if err != nil || len(key) == 0 || len(key) > limit || !utf8.Valid(key) || bytes.IndexByte(key, 0) >= 0 {
		return "", awsapi.RefusedAs(awsapi.InvalidInput, markerForeign.With(), markerForeign.Message)
	}
	return string(key), nil
}

// pageEnd ends a page: whether more follow, and the marker of the next page.
type pageEnd struct {
	IsTruncated bool
	Marker      *string `xml:",omitempty"`
}

// cut shortens found to a page. found is sorted by key, and has one more than the
// limit if more follow.
func cut[T any](p paging, found []T, key func(T) string) ([]T, pageEnd) {
	if len(found) <= p.limit() {
		return found, pageEnd{}
	}

	page := found[:p.limit()]
	marker := base64.RawURLEncoding.EncodeToString([]byte(key(page[len(page)-1])))

	return page, pageEnd{IsTruncated: true, Marker: &marker}
}

// page returns a page of all, which is sorted by key.
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
