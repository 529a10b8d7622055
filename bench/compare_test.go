package main

import (
	"path/filepath"
	"strings"
	"testing"
)

func TestCompare(t *testing.T) {
	r := results{
		Machine: machine{Load: "0.1 0.2"},
		Rates:   []rateRow{{Operation: "GetId", Against: netHTTP, Rate: 100, Ratio: 0.5, CPU: 80}},
	}
	path := filepath.Join(t.TempDir(), "before.json")
	if err := r.saved().write(path); err != nil {
		t.Fatal(err)
	}

	before, err := loadFigures(path)
	if err != nil {
		t.Fatal(err)
	}

	r.Rates[0].Rate, r.Rates[0].CPU = 110, 60
	r.Rates = append(r.Rates, rateRow{Operation: "only now", Rate: 1})
	text := before.compare(r.saved())

	for _, row := range []string{
		"| GetId | /s | 100 | 110 | 1.100 | more |",
		"| GetId | CPU µs/request | 80 | 60 | 0.750 | less |",
		"| GetId | ratio to net/http | 0.5 | 0.5 | 1.000 | more |",
	} {
		if !strings.Contains(text, row) {
			t.Errorf("no %q in\n%s", row, text)
		}
	}

	if strings.Contains(text, "only now") {
		t.Errorf("a figure without a former one:\n%s", text)
	}
}
