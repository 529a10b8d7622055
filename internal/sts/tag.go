package sts

import (
	"fmt"
	"regexp"
	"strings"
	"unicode/utf8"
)

// Limits of session tags (STS API reference, Tag; IAM User Guide, "Pass session
// tags").
const (
	maxTags     = 50
	maxTagKey   = 128
	maxTagValue = 256
)

var tagText = regexp.MustCompile(`^[\p{L}\p{Z}\p{N}_.:/=+\-@]*$`)

// checkTags says what is wrong with session tags. Values are not shown.
func checkTags(tags map[string]string) (problem, fix string) {
	if len(tags) > maxTags {
		return fmt.Sprintf("%d tags", len(tags)), fmt.Sprintf("map up to %d principal tags", maxTags)
	}
	seen := make(map[string]string, len(tags))
	for _, key := range sortedKeys(tags) {
		folded := strings.ToLower(key)
		switch value := tags[key]; {
		case key == "" || utf8.RuneCountInString(key) > maxTagKey || !tagText.MatchString(key):
			return fmt.Sprintf("tag key %.140q", key), fmt.Sprintf("use 1 to %d letters, digits, blanks and _.:/=+-@", maxTagKey)
		case strings.HasPrefix(folded, "aws:"):
			return fmt.Sprintf("tag key %q", key), "aws: is reserved; use another key"
		case seen[folded] != "":
			return fmt.Sprintf("tag keys %q and %q", seen[folded], key), "tag keys that differ by case are one to IAM; rename one"
		case utf8.RuneCountInString(value) > maxTagValue || !tagText.MatchString(value):
			return fmt.Sprintf("the value of tag %q, %d bytes", key, len(value)), fmt.Sprintf("map a claim with up to %d letters, digits, blanks and _.:/=+-@", maxTagValue)
		}
		seen[folded] = key
	}
	return "", ""
}
