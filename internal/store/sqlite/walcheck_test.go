package sqlite

import (
	"bytes"
	"database/sql"
	"encoding/binary"
	"encoding/hex"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// realLog returns the database, log and index that a killed process leaves after
// twenty commits, and the size of a frame.
func realLog(t *testing.T) (files map[string][]byte, frame int) {
	t.Helper()

	s, w := openWriter(t, Options{})
	for range 19 {
		addNote(t, s)
	}

	files = map[string][]byte{}
	for _, suffix := range []string{"", "-wal", "-shm"} {
		text, err := os.ReadFile(w.path + suffix)
		noError(t, err)
		files[suffix] = text
	}

	return files, frameHeader + int(binary.BigEndian.Uint32(files["-wal"][8:]))
}

// frames returns where the frames of a log begin that end a transaction.
func commitFrames(log []byte, frame int) (at []int) {
	for n := logHeaderSize; n+frame <= len(log); n += frame {
		if binary.BigEndian.Uint32(log[n+4:]) != 0 {
			at = append(at, n)
		}
	}
	return at
}

// What is done to the files after the process died, and what is found then. SQLite
// takes as much of each log as we count.
func TestInspectLog(t *testing.T) {
	whole, frame := realLog(t)
	commits := commitFrames(whole["-wal"], frame)

	last := commits[len(commits)-1]
	cut := func(at int) func(map[string][]byte) {
		return func(f map[string][]byte) { f["-wal"] = f["-wal"][:at] }
	}
	flip := func(at int) func(map[string][]byte) {
		return func(f map[string][]byte) { f["-wal"][at] ^= 0x40 }
	}

	for _, test := range []struct {
		name    string
		do      func(map[string][]byte)
		index   logVerdict // with the index, as after a kill
		alone   logVerdict // without it, as after a power failure or a copy
		missing bool       // the index tells how much
	}{
		{name: "nothing", do: func(map[string][]byte) {}, index: logWhole, alone: logWhole},
		{name: "cut after the first commit", do: cut(commits[0] + frame), index: logIncomplete, alone: logWhole,
			missing: true},
		{name: "cut after the last but one", do: cut(commits[len(commits)-2] + frame), index: logIncomplete,
			alone: logWhole, missing: true},
		{name: "last byte cut", do: cut(len(whole["-wal"]) - 1), index: logIncomplete, alone: logDoubtful,
			missing: true},
		{name: "cut in the last page", do: cut(last + frameHeader + 99), index: logIncomplete, alone: logDoubtful,
			missing: true},
		{name: "cut in the last frame's header", do: cut(last + 17), index: logIncomplete, alone: logDoubtful,
			missing: true},
		{name: "cut to its header", do: cut(logHeaderSize), index: logIncomplete, alone: logWhole, missing: true},
		{name: "cut within its header", do: cut(11), index: logIncomplete, alone: logWhole, missing: true},
		{name: "cut to nothing", do: cut(0), index: logIncomplete, alone: logWhole, missing: true},
		{name: "deleted", do: func(f map[string][]byte) { delete(f, "-wal") }, index: logIncomplete, alone: logWhole,
			missing: true},
		{name: "page damaged in the first commit", do: flip(logHeaderSize + frameHeader + 7), index: logIncomplete,
			alone: logIncomplete, missing: true},
		{name: "page damaged in the middle", do: flip(commits[9] + frameHeader + 7), index: logIncomplete,
			alone: logIncomplete, missing: true},
		{name: "page damaged in the last commit", do: flip(last + frameHeader + 7), index: logIncomplete,
			alone: logDoubtful, missing: true},
		{name: "checksum damaged in the middle", do: flip(commits[9] + 18), index: logIncomplete,
			alone: logIncomplete, missing: true},
		{name: "header damaged", do: flip(9), index: logIncomplete, alone: logDoubtful, missing: true},
		{name: "header's salt damaged", do: flip(18), index: logIncomplete, alone: logDoubtful, missing: true},
		{name: "zeros behind it", do: func(f map[string][]byte) {
			f["-wal"] = append(f["-wal"], make([]byte, 3*frame)...)
		}, index: logWhole, alone: logWhole},
		{name: "an unfinished write behind it", do: func(f map[string][]byte) {
			f["-wal"] = appendFrames(f["-wal"], frame, 0, 0, 0)
		}, index: logTorn, alone: logTorn},
		{name: "an unfinished write that is cut", do: func(f map[string][]byte) {
			f["-wal"] = appendFrames(f["-wal"], frame, 0, 0)
			f["-wal"] = f["-wal"][:len(f["-wal"])-frame/2]
		}, index: logTorn, alone: logDoubtful},
		{name: "a torn write whose end reached the disk", do: func(f map[string][]byte) {
			at := len(f["-wal"])
			f["-wal"] = appendFrames(f["-wal"], frame, 0, 9)
			f["-wal"][at+frameHeader] ^= 1
		}, index: logTorn, alone: logDoubtful},
	} {
		for _, withIndex := range []bool{true, false} {
			want, name := test.index, test.name+", with the index"

			files := map[string][]byte{}
			for suffix, text := range whole {
				files[suffix] = bytes.Clone(text)
			}
			test.do(files)
			if !withIndex {
				delete(files, "-shm")
				want, name = test.alone, test.name+", alone"
			}

			t.Run(name, func(t *testing.T) {
				path := filepath.Join(t.TempDir(), "test.db")
				for suffix, text := range files {
					noError(t, os.WriteFile(path+suffix, text, 0o600))
				}
				found, err := inspectLog(path)
				noError(t, err)
				if found.verdict != want {
					t.Errorf("verdict %d, want %d: %+v", found.verdict, want, found)
				}

				if got := found.missing > 0; got != (test.missing && withIndex) {
					t.Errorf("missing %d frames", found.missing)
				}

				told := &bytes.Buffer{}
				reportLog(path, nil, slog.New(slog.NewTextHandler(told, nil)))
				wantTold(t, told.String(), want, path+"-wal")
				if got := framesOfSQLite(t, path); got != found.facts.Committed {
					t.Errorf("SQLite takes %d frames, counted %d", got, found.facts.Committed)
				}
			})
		}
	}
}

func wantTold(t *testing.T, told string, v logVerdict, path string) {
	t.Helper()
	want := map[logVerdict]string{
		logWhole:      "",
		logTorn:       "level=INFO",
		logDoubtful:   "level=WARN",
		logIncomplete: "level=ERROR",
	}[v]
	if want == "" && told != "" || !strings.Contains(told, want) || want != "" && !strings.Contains(told, path) {
		t.Errorf("told %q, want %q and the path", told, want)
	}
}

// framesOfSQLite is how many frames SQLite takes from the log.
func framesOfSQLite(t *testing.T, path string) int64 {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+path)
	noError(t, err)

	defer db.Close()

	conn, err := db.Conn(t.Context())
	noError(t, err)

	defer conn.Close()

	var n int64
	noError(t, conn.QueryRowContext(t.Context(), `SELECT count(*) FROM sqlite_schema`).Scan(&n))
	var busy, frames, copied int64
	noError(t, conn.QueryRowContext(t.Context(), `PRAGMA wal_checkpoint(NOOP)`).Scan(&busy, &frames, &copied))

	return max(frames, 0)
}

// appendFrames adds frames to a little-endian log, each with a size at its commit.
func appendFrames(log []byte, frame int, sizes ...uint32) []byte {
	for _, size := range sizes {
		previous := log[len(log)-frame:]
		sum := logSum{order: binary.LittleEndian}
		sum.set(previous[16:24])
		next := bytes.Clone(previous)
		binary.BigEndian.PutUint32(next[4:], size)
		sum.add(next[:8])
		sum.add(next[frameHeader:])
		binary.BigEndian.PutUint32(next[16:], sum.s0)
		binary.BigEndian.PutUint32(next[20:], sum.s1)
		log = append(log, next...)
	}

	return log
}

// goldenLog is a log of one page of 512 bytes, all of it 0x01, that ends a
// transaction of a database of one page, after the header's 32 bytes; the checksums
// were computed by another program from the file format's definition, for both byte orders.
func goldenLog(magic string, header, frame string) string {
	return magic + "002de218" + "00000200" + "00000000" + "0a0b0c0d" + "01020304" + header +
		"00000001" + "00000001" + "0a0b0c0d" + "01020304" + frame + strings.Repeat("01", 512)
}

// The sums of the header and of the frame.
var (
	goldenLittle = [2]string{"e1d70e1d9db3e7c3", "d0fbd2b09fcfd8ec"}
	goldenBig    = [2]string{"200fd6e4c7eab3a1", "518881d7bd8ba014"}
)

func TestReadLog(t *testing.T) {
	little := goldenLog("377f0682", goldenLittle[0], goldenLittle[1])
	big := goldenLog("377f0683", goldenBig[0], goldenBig[1])
	for name, test := range map[string]struct {
		hex  string
		want logFacts
	}{
		"little-endian": {little, logFacts{Header: true, PageSize: 512, Commits: 1, Committed: 1}},
		"big-endian":    {big, logFacts{Header: true, PageSize: 512, Commits: 1, Committed: 1}},
		"big-endian sums in a little-endian log": {goldenLog("377f0682", goldenBig[0], goldenBig[1]),
			logFacts{PageSize: 512}},
		"cut in the frame": {little[:2*300], logFacts{Header: true, PageSize: 512, Faulty: true, After: 1}},
		"other magic":      {goldenLog("377f0684", goldenLittle[0], goldenLittle[1]), logFacts{PageSize: 512}},
		"nothing":          {"", logFacts{}},
		"half a header":    {little[:40], logFacts{}},
		"page size of one": {strings.Replace(little, "00000200", "00000001", 1), logFacts{PageSize: 1}},
		"huge page size":   {strings.Replace(little, "00000200", "ffffffff", 1), logFacts{PageSize: 0xffffffff}},
	} {
		text, err := hex.DecodeString(test.hex)
		noError(t, err)
		got, err := readLog(bytes.NewReader(text), int64(len(text)))
		noError(t, err)
		test.want.Size = int64(len(text))
		if test.want.Header {
			test.want.salt = got.salt
		}
		got.salt = test.want.salt

		if got != test.want {
			t.Errorf("%s: %+v, want %+v", name, got, test.want)
		}
	}
}

// The log is reported when the store opens, once for a process, and not by a store
// that opens beside another of the same process.
func TestLogIsReportedAtOpen(t *testing.T) {
	whole, _ := realLog(t)
	path := filepath.Join(t.TempDir(), "test.db")
	whole["-wal"] = whole["-wal"][:len(whole["-wal"])-100]

	for suffix, text := range whole {
		noError(t, os.WriteFile(path+suffix, text, 0o600))
	}
	told := &bytes.Buffer{}
	o := Options{Path: path, Logger: slog.New(slog.NewTextHandler(told, nil))}
	open(t, o)
	if !strings.Contains(told.String(), "acknowledged writes are missing") ||
		!strings.Contains(told.String(), "missing_frames=") {
		t.Errorf("told %q", told)
	}
	told.Reset()
	open(t, o)

	if strings.Contains(told.String(), "write-ahead log") {
		t.Errorf("told again: %q", told)
	}
}

func FuzzReadLog(f *testing.F) {
	for _, text := range []string{goldenLog("377f0682", goldenLittle[0], goldenLittle[1]),
		goldenLog("377f0683", goldenBig[0], goldenBig[1])} {
		seed, err := hex.DecodeString(text)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(seed, int64(5))
		f.Add(seed[:len(seed)-7], int64(-1))
	}

	f.Fuzz(func(t *testing.T, text []byte, indexed int64) {
		facts, err := readLog(bytes.NewReader(text), int64(len(text)))
		if err != nil {
			t.Fatal(err)
		}
		frames := facts.Committed + facts.Unfinished + facts.After
		if frames > int64(len(text))/(frameHeader+leastPage)+1 || facts.Marks > facts.After ||
			facts.Commits > facts.Committed {
			t.Errorf("%d bytes: %+v", len(text), facts)
		}
		if v := facts.judge(indexed); v < logWhole || v > logIncomplete {
			t.Errorf("verdict %d", v)
		}
		readIndex(bytes.NewReader(text))
	})
}
