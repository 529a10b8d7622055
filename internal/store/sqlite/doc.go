// Package sqlite is the database engine on a SQLite file in WAL mode, or in memory.
// One goroutine, the writer, makes all writes; several connections read; one more
// copies the write-ahead log back into the file.
//
// # A write
//
//	           full: ErrQueueFull               the caller leaves first: its
//	           stopped: ErrStopped              context's error, or ErrBusy at
//	           closed: ErrClosed                the limit
//	             ^                                ^
//	             |                                |
//	Write ---> queue ---> waiting ----------> abandoned: dropped
//	                         |
//	                         | the writer takes all that wait, 256 at most: a group
//	                         v
//	                       taken -----------> done: nil, or the write's own error
//	                         |
//	                         | the caller leaves, or its limit is reached
//	                         v
//	                       ErrIndeterminate; the write goes on
//
// # The writer (writer.go)
//
//	Open ----> idle <------------------------------------------------------+
//	            |  a group                                                 |
//	            v                                                          |
//	         looking at the files --- missing: ErrGone, nothing begun ---->|
//	            | there                                                    |
//	            v                                                          |
//	         writing: BEGIN IMMEDIATE, all requests                        |
//	            |  one of several fails without a fault of SQLite:         |
//	            |  ROLLBACK, and all again with a savepoint each           |
//	            |                                                          |
//	            |-- every request failed: ROLLBACK, each its own error --->|
//	            |-- busy: ROLLBACK, ErrBusy for all ---------------------->|
//	            |-- full: ROLLBACK, ErrDiskFull for all ------------------>|
//	            |-- read-only: ROLLBACK, ErrReadOnly for all, or ErrGone   |
//	            |   if a file is missing --------------------------------->|
//	            |-- disk error, damage: ROLLBACK, ErrStopped --> stopped   |
//	            v                                                          |
//	         committing: keys held out of the cache, COMMIT (fsync)        |
//	            |-- busy, full, read-only, failed write of a frame         |
//	            |   with a full folder: ROLLBACK, the error as above ----->|
//	            |-- no memory, no lock, no room for the log's index, a     |
//	            |   file that cannot be opened: ROLLBACK, ErrIndeterminate |
//	            |   with the error as above ------------------------------>|
//	            |-- any other error: ErrIndeterminate, ErrStopped,         |
//	            |   ROLLBACK ------------------------------> stopped       |
//	            v                                                          |
//	         looking at the files --- missing: ErrIndeterminate ---------->|
//	            | there                                                    |
//	            +-- acknowledged ----------------------------------------->|
//	                                                                       |
//	idle also: looking at data_version for the cache; copying the log's ---+
//	           last pages
//
// Stopped is for good: every later write gets ErrStopped, reads go on, and Failed is
// closed. Three more things stop the writer: damage that a read meets, a fault of the
// disk or damage while the log is copied back, and files that stay away. A second
// fsync that succeeds would prove nothing, so the writer never tries again (faults.go
// has the result codes).
//
// # The files (presence.go)
//
//	there ---- a look finds one missing or replaced ---> missing: writes get ErrGone
//	  ^                                                    |   |
//	  +------------------- all are back -------------------+   | 30 s (goneGrace)
//	                                                           v
//	                                                         stopped
//
// The writer looks before each group and after each commit, and another goroutine
// looks every 500 ms (presenceInterval), also while nobody writes. Only the latter
// stops the writer, at its first look after the 30 seconds. While the log alone is
// missing, and no other file is at its path, each of its looks has the writer copy the
// log's pages into the database.
//
// # The write-ahead log (checkpoint.go)
//
//	short -- 94 MiB --> copied back beside the writer, six times at most, each time
//	  ^                 what was written during the copy before
//	  |                   |
//	  |                   | a copy of 500 pages or fewer reaches the end
//	  |                   v
//	  +-- starts over --- the writer copies the rest between two commits
//
// Every eighth group asks for a look at the length. A copy that gets no further,
// because an old reader needs the pages, is left to a later look. From 250 MiB on the
// writer copies without a copy beside it. The log starts over at the next commit after
// all of it was copied and no reader uses it.
//
// walcheck.go compares the log with its index before SQLite opens them: SQLite does
// not report the commits that it drops from a damaged log.
//
// # The end
//
// Close finishes the writes that wait. If the writer has stopped or files are missing,
// the log stays as it is, for the next start to read.
package sqlite
