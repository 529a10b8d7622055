package iam

import (
	"errors"
	"fmt"
	"strconv"
	"unicode/utf8"
)

// SettingError is one fault of the settings.
type SettingError struct {
	Setting string // e.g. roles[2].trust_policy
	Entry   string // the ARN or URL of the entry; "" if it is not valid
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

// add adds a fault of a member, such as ".url", "" = of the whole entry. The others are the
// fields of SettingError of those names; value may be long.
func (f *faults) add(member, value, problem, fix string) {
	const longest = 100
	if len(value) > longest {
		cut := longest
		for cut > 0 && !utf8.RuneStart(value[cut]) {
			cut--
		}
		value = value[:cut] + "…"
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
