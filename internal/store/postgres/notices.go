package postgres

import (
	"context"
	"encoding/json"

	"github.com/jackc/pgx/v5"

	"github.com/poolhouse-id/poolhouse/internal/store/engine"
)

// noticeChannel is the channel of LISTEN and NOTIFY for messages between the nodes of a
// database.
const noticeChannel = "poolhouse_nodes"

// MaxNotice bounds one message, in bytes (NOTIFY: shorter than 8000).
const MaxNotice = 7900

// Send sends messages to all nodes that listen, this one too. It uses a connection for
// reads, and does not wait for a standby: the messages outlive nothing.
func (e *Engine) Send(ctx context.Context, messages []string) error {
	list, err := json.Marshal(messages)
	if err != nil {
		return err
	}

	return e.Read(ctx, func(q engine.Querier) error {
		_, err := q.Exec(`WITH quick AS MATERIALIZED (SELECT set_config('synchronous_commit', 'off', TRUE))
			SELECT count(pg_notify($1, message)) FROM quick, json_array_elements_text($2::json) AS message`,
			noticeChannel, string(list))
		return err
	})
}

// Listen passes on the messages of all nodes, on a connection that serves nothing else.
// It calls listening once messages arrive, and returns when the connection is lost or
// ctx ends, always with an error.
func (e *Engine) Listen(ctx context.Context, listening func(), receive func(message string)) error {
	dialing, cancel := context.WithTimeout(context.WithValue(ctx, connecting{}, true), 2*e.timing.Connect)
	defer cancel()

	conn, err := pgx.ConnectConfig(dialing, e.config.Copy())
	if err != nil {
		return err
	}
	defer func() {
		closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), e.timing.Ping)
		defer cancel()

		_ = conn.Close(closing) // it has no unfinished work
	}()

	if _, err := conn.Exec(dialing, `LISTEN `+noticeChannel); err != nil {
		return err
	}
	listening()

	for {
		notice, err := conn.WaitForNotification(ctx)
		if err != nil {
			return err
		}
		receive(notice.Payload)
	}
}
