package iam

import (
	"errors"
	"fmt"
	"strconv"
)

// SettingError is one fault of the settings.
type SettingError struct {
	Setting string // e.g. roles[2].trust_policy
	Entry   string // the ARN or URL of the entry; "" when that is what is wrong
	Value   string // what was given; "" when it is long or absent
	Problem string // what is wrong with it
	Fix     string // what to write instead; "" when Problem says it
}

// Error is one line.
func (e *SettingError) Error() string {
	text := e.Setting
	if e.Value != "" {
		text += " = " + strconv.Quote(e.Value)
	}
	if e.Entry != "" {
		text += " (" + e.Entry + ")"
	}
	text += ": " + e.Problem
	if e.Fix != "" {
		text += "; " + e.Fix
	}
	return text
}

// faults collects the faults of one entry.
type faults struct {
	list    []error
	setting string // e.g. roles[2]
	entry   string
}

func (f *faults) add(member, value, problem, fix string) {
	const longest = 100
	if len(value) > longest {
		value = value[:longest] + "…"
	}
	f.list = append(f.list, &SettingError{Setting: f.setting + member, Entry: f.entry, Value: value, Problem: problem, Fix: fix})
}

func (f *faults) err() error {
	if len(f.list) == 0 {
		return nil
	}
	return errors.Join(f.list...)
}

func entry(list string, i int) string { return fmt.Sprintf("%s[%d]", list, i) }
