package sts

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/poolhouse-id/poolhouse/internal/explain"
)

// Limits of session tags (STS API reference, Tag; IAM User Guide, "Pass session
// tags").
const (
	maxTags     = 50
	maxTagKey   = 128
	maxTagValue = 256
)

var tagText = regexp.MustCompile(`^[\p{L}\p{Z}\p{N}_.:/=+\-@]*$`)

// checkTags tells what is wrong with session tags; nil = nothing is. Values are not shown.
func checkTags(tags map[string]string) *explain.Refusal {
	if len(tags) > maxTags {
		return tagsCount.With("count", strconv.Itoa(len(tags)), "limit", strconv.Itoa(maxTags))
	}

	seen := make(map[string]string, len(tags))
	for _, key := range sortedKeys(tags) {
		folded := strings.ToLower(key)
		switch value := tags[key]; {
		case key == "" || utf8.RuneCountInString(key) > maxTagKey || !tagText.MatchString(key):
			return tagKeyForm.With("key", fmt.Sprintf("%.140q", key), "limit", strconv.Itoa(maxTagKey))
		case strings.HasPrefix(folded, "aws:"):
			return tagKeyReserved.With("key", strconv.Quote(key))
		case seen[folded] != "":
			return tagKeysEqual.With("one", strconv.Quote(seen[folded]), "other", strconv.Quote(key))
		case utf8.RuneCountInString(value) > maxTagValue || !tagText.MatchString(value):
			return tagValueForm.With("key", strconv.Quote(key), "bytes", strconv.Itoa(len(value)),
				"limit", strconv.Itoa(maxTagValue))
		}
		seen[folded] = key
	}

	return nil
}
