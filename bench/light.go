package main

import (
	"bytes"
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/valyala/fasthttp"
)

// lightLoop is closedLoop with a client that costs a third. It is for comparisons with
// work that needs no client at all.
func (l *load) lightLoop(ctx context.Context, during time.Duration) (outcome, error) {
	if l.light == nil { // kept: connections are not what is measured
		uri := fasthttp.AcquireURI()
		defer fasthttp.ReleaseURI(uri)

		if err := uri.Parse(nil, []byte(l.targets[0].URL)); err != nil {
			return outcome{}, err
		}
		l.light = &fasthttp.HostClient{
			Addr:                string(uri.Host()),
			MaxConns:            l.connections,
			MaxIdleConnDuration: time.Minute,
			ReadTimeout:         30 * time.Second,
			WriteTimeout:        30 * time.Second,
		}
	}
	client := l.light
	var count, refused atomic.Int64

	var failed atomic.Pointer[error]
	var group sync.WaitGroup
	begin := time.Now()
	for range l.connections {
		group.Go(func() {
			request, response := fasthttp.AcquireRequest(), fasthttp.AcquireResponse()
			defer fasthttp.ReleaseRequest(request)
			defer fasthttp.ReleaseResponse(response)

			for time.Since(begin) < during && ctx.Err() == nil && failed.Load() == nil {
				t := &l.targets[(l.next.Add(1)-1)%uint64(len(l.targets))]
				request.Reset()
				request.SetRequestURI(t.URL)
				request.Header.SetMethod(t.Method)

				for name, values := range t.Header {
					request.Header.Set(name, values[0])
				}
				request.SetBodyRaw(t.Body)
				err := client.Do(request, response)
				if err == nil && response.StatusCode() == fasthttp.StatusTooManyRequests {
					refused.Add(1)
					continue
				}
				if err == nil &&
					(response.StatusCode() != fasthttp.StatusOK || !bytes.Contains(response.Body(), l.member)) {
					err = fmt.Errorf("an answer is not the one to measure: %d %s", response.StatusCode(),
						response.Body())
				}
				if err != nil {
					failed.Store(&err)
					return
				}
				count.Add(1)
			}
		})
	}
	group.Wait()
	if err := failed.Load(); err != nil {
		return outcome{}, *err
	}
	if count.Load() == 0 {
		return outcome{}, fmt.Errorf("no request was answered, %d were refused", refused.Load())
	}

	return outcome{
		requests: int(count.Load()),
		refused:  int(refused.Load()),
		rate:     float64(count.Load()) / time.Since(begin).Seconds(),
	}, ctx.Err()
}
