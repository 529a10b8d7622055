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
//	|                          | a caller has its turn (pool.take): ResetSession,
//	|                          | at each use but the first
//	|                          |
//	|                          |-- opened before the last suspicion, or a
//	|                          |   transaction is open ----------------------> closed
//	|                          |-- unused for Timing.Idle, or there is input:
//	|                          |   ping; no answer: the pool is suspected
//	|                          |   unless the caller's time ended -----------> closed
//	|                          v
//	|  handed back, IsValid  leased
//	+--------------------------|
//	|                          |-- the server closed it: lost; both pools are
//	|                          |   suspected; a read or write runs again on
//	|                          |   another connection, three times in all;
//	|                          |   a snapshot gets ErrUnavailable -----------> closed
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
// A pool that is suspected closes the connections that are open now before it uses them:
// after one failed, the others may be dead too, as after a failover. Both pools are also
// suspected when a call had no answer in Timing.Read. A connection lives for 30 minutes
// at most (connLifetime).
//
// No cancel request is ever sent. It would turn a commit that waits for a standby into
// a visible one, which a failover loses. The server itself ends the statements of a
// session that was given up: by lock_timeout, by statement_timeout (reads only) and by
// client_connection_check_interval.
//
// # A write (write.go)
//
//	            queue full: ErrQueueFull     the caller leaves first:
//	            closed: ErrClosed            its context's error
//	            no turn: ErrUnavailable
//	              ^                            ^
//	              |                            |
//	Write ----> waiting ------------------> abandoned: dropped
//	              | a connection
//	              v
//	            taken: BEGIN, fn <---------------------------------------+
//	              |                                                      |
//	              |-- the caller leaves: ErrIndeterminate; it goes on    |
//	              |-- serialization, deadlock: again after a pause, 20   |
//	              |   times in all, then ErrBusy ----------------------->|
//	              |-- lost, or failed over (read-only server):           |
//	              |   suspected, again, three times in all ------------->|
//	              |     then ErrUnavailable, or ErrBusy with ErrReadOnly
//	              |-- no time is left: ErrUnavailable
//	              |-- disk full: ErrDiskFull
//	              |-- fn's own error: rolled back, returned as it is
//	              v
//	            COMMIT
//	              |-- done: nil
//	              |-- refused: as above
//	              |-- anything else: an administrator ended the wait for a
//	              |   standby, the time ended, the connection was lost, or
//	              |   another error of the server: ErrIndeterminate
//
// After a commit met its limit, each write first asks how many sessions have waited for
// a standby, or for a lock, for longer than Timing.Stuck. While there are as many as the
// pool has connections, writes get ErrUnavailable, so that they do not use up
// max_connections. When there are none, writes no longer ask.
//
// # A pool's turns (pool.go)
//
//	free ---- take ----> taken ---- release ----> free
//
// A caller that finds no free turn waits for Timing.Turn and its own budget at most, then
// gets ErrUnavailable. It gets that at once if as many callers as the queue holds wait
// already, or if no turn moved for Timing.Stuck: then the callers that have them wait for
// a database that does not answer. Callers that wait look for that every Timing.Stuck.
package postgres
