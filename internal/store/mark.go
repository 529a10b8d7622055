package store

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/poolhouse-id/poolhouse/internal/store/engine"
)

// markTable is a table of marks, each of which ends what was issued before a time, until
// the mark expires. Of two marks for the same thing the later one holds.
type markTable struct {
	name    string
	columns string // all but mark_key; the last two are not_before and expires
	inserts string // the statement for one row: mark_key, then columns
}

func newMarkTable(name, columns string) markTable {
	places := placeholders(1, 2+strings.Count(columns, ","))

	return markTable{
		name:    name,
		columns: columns,
		inserts: `INSERT INTO ` + name + ` (mark_key, ` + columns + `) VALUES (` + places + `)`,
	}
}

// insert adds a mark of a dump, where none occurs twice. values are those of the columns.
func (m *markTable) insert(t *engine.Tx, key []byte, values ...any) error {
	_, err := t.Exec(m.inserts, append([]any{key}, values...)...)
	return err
}

// upsert adds a mark. Each time in it only moves forward: a mark cannot be undone.
func (m *markTable) upsert(t *engine.Tx, key []byte, values ...any) error {
	later := func(column string) string {
		return fmt.Sprintf(`%[1]s = CASE WHEN excluded.%[1]s > %[2]s.%[1]s THEN excluded.%[1]s ELSE %[2]s.%[1]s END`,
			column, m.name)
	}
	text := m.inserts + ` ON CONFLICT (mark_key) DO UPDATE SET ` + later("not_before") + `, ` + later("expires")
	_, err := t.Exec(text, append([]any{key}, values...)...)

	return err
}

// removeExpired removes at most limit marks that expired by now, and returns their number.
func (s *Store) removeExpired(ctx context.Context, table markTable, now time.Time, limit int) (int, error) {
	keys, err := readAll(ctx, s, scanBytes,
		`SELECT mark_key FROM `+table.name+` WHERE expires <= $1 ORDER BY expires, mark_key LIMIT $2`,
		millis(now), limit)
	if err != nil || len(keys) == 0 {
		return 0, err
	}
	slices.SortFunc(keys, bytes.Compare) // in one order everywhere, so that two nodes do not wait for each other

	return writeResult(ctx, s, func(t *engine.Tx) (removed int, err error) {
		for _, key := range keys {
			// Only if it is still expired: it may have been set again meanwhile.
			n, err := t.Exec(`DELETE FROM `+table.name+` WHERE mark_key = $1 AND expires <= $2`, key, millis(now))
			if err != nil {
				return 0, err
			}
			removed += int(n)
		}

		return removed, nil
	})
}

func scanBytes(row scanner) (b []byte, err error) {
	err = row.Scan(&b)
	return b, err
}
