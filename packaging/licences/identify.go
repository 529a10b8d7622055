package main

import (
	"errors"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"
)

// licence is a licence that a module may have, by its SPDX identifier, with phrases that all stand
// in its text: lower case, words separated by one blank.
type licence struct {
	id      string
	phrases []string
	without string // a phrase that its text does not have
}

// allowed are the licences that allow to distribute programs under Poolhouse's. The Mozilla Public
// License asks to tell where the module's source is, which the list does.
var allowed = []licence{
	{id: "Apache-2.0", phrases: []string{
		"apache license version 2 0 january 2004",
		"grant of copyright license",
		"grant of patent license",
	}},
	{id: "BSD-2-Clause", phrases: bsd, without: endorsement},
	{id: "BSD-3-Clause", phrases: append(slices.Clone(bsd), endorsement)},
	{id: "ISC", phrases: []string{
		"permission to use copy modify and or distribute this software for any purpose with or without fee " +
			"is hereby granted",
	}},
	{id: "MIT", phrases: []string{
		"permission is hereby granted free of charge to any person obtaining a copy of this software and " +
			"associated documentation files",
		"the above copyright notice and this permission notice shall be included in all copies or substantial " +
			"portions of the software",
	}},
	{id: "MPL-2.0", phrases: []string{
		"mozilla public license version 2 0",
		"exhibit b incompatible with secondary licenses notice",
	}},
	{id: "SQLite (public domain)", phrases: []string{
		"all of the code and documentation in sqlite has been dedicated to the public domain by the authors",
		"anyone is free to copy modify publish use compile sell or distribute the original sqlite code",
	}},
	{id: "Unlicense", phrases: []string{
		"this is free and unencumbered software released into the public domain",
		"anyone is free to copy modify publish use compile sell or distribute this software",
	}},
}

const endorsement = "may be used to endorse or promote products derived from this software without specific " +
	"prior written permission"

var bsd = []string{
	"redistribution and use in source and binary forms with or without modification are permitted provided that " +
		"the following conditions are met",
	"redistributions of source code must retain the above copyright notice",
	"redistributions in binary form must reproduce the above copyright notice",
}

// refused are words of licences, or of additions to one, that are not allowed. Only the text of the
// Mozilla Public License names other licences itself.
var refused = regexp.MustCompile(`\b(gnu (affero |lesser |library )?general public|affero|commons clause|` +
	`business source|server side public|elastic license|non ?commercial (use|purposes)|creative commons)\b`)

var noWord = regexp.MustCompile(`[^a-z0-9]+`)

// identify finds the part's licences. Every file but notices must have one.
func (p *part) identify() error {
	for _, file := range p.files {
		ids, err := identify(file.text)
		if err != nil && !errors.Is(err, errUnknown) || err != nil && !isNotice(file.path) {
			return fmt.Errorf("%s %s, %s: %w", p.name, p.version, file.path, err)
		}
		p.licences = append(p.licences, ids...)
	}

	slices.Sort(p.licences)
	p.licences = slices.Compact(p.licences)
	if len(p.licences) == 0 {
		return fmt.Errorf("%s %s has no licence", p.name, p.version)
	}

	return nil
}

// isNotice reports whether a file is not a licence, but is passed on with it.
func isNotice(file string) bool {
	name := strings.ToLower(path.Base(file))
	return strings.HasPrefix(name, "notice") || strings.HasPrefix(name, "patents")
}

var errUnknown = errors.New("the text is no licence that packaging/licences knows")

// identify returns the identifiers of the licences in a text.
func identify(text string) ([]string, error) {
	words := noWord.ReplaceAllString(strings.ToLower(text), " ")
	var ids []string
	for _, l := range allowed {
		if l.in(words) {
			ids = append(ids, l.id)
		}
	}

	if bad := refused.FindString(words); bad != "" && !slices.Contains(ids, "MPL-2.0") {
		return nil, fmt.Errorf("the text has the words %q: such a licence is not allowed", bad)
	}
	if len(ids) == 0 {
		return nil, errUnknown
	}

	return ids, nil
}

func (l licence) in(words string) bool {
	if l.without != "" && strings.Contains(words, l.without) {
		return false
	}
	return !slices.ContainsFunc(l.phrases, func(phrase string) bool { return !strings.Contains(words, phrase) })
}
