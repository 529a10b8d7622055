// Package postgres is the database engine on PostgreSQL, through database/sql. Reads
// and writes have separate pools, so that reads go on while commits wait for a
// standby. Many nodes may use one database.
//
// # A connection, with its PostgreSQL session (session.go, pool.go)
//
//	      Connect: dial, TLS, authentication, bounds of statements
//	                           |
//	                           v
//	+----------------------> idle
//	|                          | a caller has its turn (pool.take): ResetSession
//	|                          |
//	|                          |-- opened before the last suspicion, or a
//	|                          |   transaction is open ----------------------> closed
//	|                          |-- unused for Timing.Idle, or there is input:
//	|                          |   ping; no answer: all are suspected -------> closed
//	|                          v
//	|  handed back, IsValid  leased
//	+--------------------------|
//	|                          |-- the server closed it: lost; all are
//	|                          |   suspected; the work runs again on another
//	|                          |   connection, three times in all -----------> closed
//	|                          |-- the caller's time ended amid a statement:
//	|                          |   given up; no cancel request is sent ------> closed
//	|                          v
//	|      COMMIT answered   committing
//	+--------------------------|
//	|  refused: a constraint,  |
//	|  serialization, deadlock |
//	+--------------------------|
//	                           v
//	                         in doubt: ErrIndeterminate; closed if no answer came
//
// Suspected means that both pools close the connections that are open now before they
// use them: after one failed, the others may be dead too, as after a failover.
//
// No cancel request is ever sent. It would turn a commit that waits for a standby into
// a visible one, which a failover loses. The server itself ends the statements of a
// session that was given up: by lock_timeout, by statement_timeout (reads only) and by
// client_connection_check_interval.
//
// # A write (write.go)
//
//	            queue full: ErrQueueFull     the caller leaves first
//	              ^                            ^
//	              |                            |
//	Write ----> waiting ------------------> abandoned: dropped
//	              | a connection
//	              v
//	            taken: BEGIN, fn <---------------------------------------+
//	              |                                                      |
//	              |-- the caller leaves: ErrIndeterminate; it goes on    |
//	              |-- serialization, deadlock: again, 20 times in all -->|
//	              |-- lost, or failed over (read-only server):           |
//	              |   suspected, again, three times in all ------------->|
//	              |     then ErrUnavailable, or ErrBusy with ErrReadOnly
//	              |-- no time is left: ErrUnavailable
//	              |-- disk full: ErrDiskFull
//	              |-- fn's own error: rolled back
//	              v
//	            COMMIT
//	              |-- done: nil
//	              |-- refused: as above
//	              |-- an administrator ended the wait for a standby, the time
//	              |   ended, or the connection was lost: ErrIndeterminate
//
// After a commit met its limit, each write first asks how many sessions wait for a
// standby. While there are as many as connections, writes get ErrUnavailable, so that
// do not use up max_connections; when there are none, writes are accepted again.
//
// # A pool's turns (pool.go)
//
//	free ---- take ----> taken ---- release ----> free
//
// A caller that finds no free turn waits for Timing.Turn and its own budget at most. If
// no turn moved for Timing.Stuck, the callers that have them are waiting for a database
// that does not answer, and new callers get ErrUnavailable at once.
package postgres
