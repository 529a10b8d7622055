package awsapi

import (
	"log/slog"
	"reflect"
	"slices"
)

// hidden replaces a secret in logs.
const hidden = "[hidden]"

// Hidden returns what a log may show of a secret member: whether it is set.
func Hidden(v any) string {
	if r := reflect.ValueOf(v); !r.IsValid() || r.IsZero() {
		return ""
	}
	return hidden
}

// LogMember returns the log attribute of a member, following pointers. For an absent
// member it returns the empty attribute.
func LogMember(name string, v any) slog.Attr {
	r := reflect.ValueOf(v)
	if !r.IsValid() || r.IsZero() {
		return slog.Attr{}
	}
	if r.Kind() == reflect.Pointer {
		v = r.Elem().Interface()
	}

	return slog.Any(name, v)
}

// LogGroup returns the members that are not empty as one log value.
func LogGroup(members ...slog.Attr) slog.Value {
	return slog.GroupValue(slices.DeleteFunc(members, func(a slog.Attr) bool { return a.Key == "" })...)
}
