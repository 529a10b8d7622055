// Package sqlite is the database engine on a SQLite file in WAL mode, or in memory.
// One goroutine, the writer, makes all writes; several connections read; one more
// copies the write-ahead log back into the file.
//
// # A write
//
//	           queue full: ErrQueueFull         the caller leaves first
//	             ^                                ^ (limit: ErrBusy)
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
//	            |  one fails: rolled back, and again with a savepoint each |
//	            |                                                          |
//	            |-- nothing was changed: ROLLBACK ------------------------>|
//	            |-- busy, full, read-only, gone: ROLLBACK, its error ----->|
//	            |-- disk error, damage: ROLLBACK ----------> stopped       |
//	            v                                                          |
//	         committing: keys held out of the cache, COMMIT (fsync)        |
//	            |-- busy, full, read-only, failed write of a frame         |
//	            |   with a full folder: ROLLBACK, its error -------------->|
//	            |-- no memory, full at the log's index:                    |
//	            |   ROLLBACK, ErrIndeterminate --------------------------->|
//	            |-- any other error: ErrIndeterminate -----> stopped       |
//	            v                                                          |
//	         looking at the files --- missing: ErrIndeterminate ---------->|
//	            | there                                                    |
//	            +-- acknowledged ----------------------------------------->|
//	                                                                       |
//	idle also: looking at data_version for the cache; copying the log's ---+
//	           last pages
//
// Stopped is for good: every later write gets ErrStopped, reads go on, and Failed is
// closed. Two more things stop the writer: damage that a read meets, and a fault of
// the disk while the log is copied back. A second fsync that succeeds would prove
// nothing, so the writer never tries again (faults.go has the result codes).
//
// # The files (presence.go)
//
//	there ---- a look finds one missing or replaced ---> missing: writes get ErrGone
//	  ^                                                    |   |
//	  +------------------- all are back -------------------+   | 30 s (goneGrace)
//	                                                           v
//	                                                         stopped
//
// While the log alone is missing, the writer copies its pages into the database.
//
// # The write-ahead log (checkpoint.go)
//
//	short -- 94 MiB --> copied back beside the writer, each time what was written
//	  ^                 during the copy before
//	  |                   |
//	  |                   | 500 pages or fewer are left, or 250 MiB are reached
//	  |                   v
//	  +-- starts over --- the writer copies the rest between two commits
//
// walcheck.go compares the log with its index before SQLite opens them: SQLite does
// not report the commits that it drops from a damaged log.
//
// # The end
//
// Close finishes the writes that wait. If the writer has stopped or files are missing,
// the log stays as it is, for the next start to read.
package sqlite
