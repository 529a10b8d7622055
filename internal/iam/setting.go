package iam

import (
	"errors"
	"fmt"
	"strconv"
)

// SettingError is one fault of the settings.
type SettingError struct {
	Setting string // e.g. roles[2].trust_policy
	Entry   string // the ARN or URL of the entry; "" if that is the fault
	Value   string // the faulty value; "" if it is long or absent
	Problem string // the problem with it
	Fix     string // the fix; "" if it follows from Problem
}

// Error returns one line.
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
	f.list = append(f.list, &SettingError{
		Setting: f.setting + member,
		Entry:   f.entry,
		Value:   value,
		Problem: problem,
		Fix:     fix,
	})
}

func (f *faults) err() error {
	if len(f.list) == 0 {
		return nil
	}
	return errors.Join(f.list...)
}

func entry(list string, i int) string { return fmt.Sprintf("%s[%d]", list, i) }
