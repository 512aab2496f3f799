package metrics

import (
	"context"
	"errors"
	"net/http"

	"github.com/felixge/httpsnoop"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"

	"github.com/apiece/apiece/middleware"
)

// OnError counts the error responses of answer by status. Set it as the OnError of
// middleware.Config, which applies to everything inside.
func (m *Metrics) OnError(answer func(http.ResponseWriter, *http.Request, error)) func(http.ResponseWriter, *http.Request, error) {
	return func(w http.ResponseWriter, r *http.Request, err error) {
		sent := httpsnoop.Metrics{Code: http.StatusInternalServerError} // what the kit sends if answer writes nothing
		defer func() {
			m.errors.Add(context.WithoutCancel(r.Context()), 1, metric.WithAttributes(append(m.route(r),
				semconv.HTTPResponseStatusCode(sent.Code), errorType(err))...))
		}()
		sent.CaptureMetrics(w, func(w http.ResponseWriter) { answer(w, r, err) })
	}
}

// errorType returns the type of the error that has the status; errors that wrap it
// only say where it passed.
func errorType(err error) attribute.KeyValue {
	if decides, ok := errors.AsType[interface {
		error
		StatusCode() int
	}](err); ok {
		err = decides
	}
	return semconv.ErrorType(err)
}

// Timeouts counts the requests that a Timeout ends, including those of a handler that
// does not return. Put it directly inside the Timeout.
func (m *Metrics) Timeouts(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx, route := r.Context(), m.route(r)
		stop := context.AfterFunc(ctx, func() {
			if _, ok := errors.AsType[*middleware.TimeoutError](context.Cause(ctx)); ok {
				m.timeouts.Add(context.WithoutCancel(ctx), 1, metric.WithAttributes(route...))
			}
		})
		defer stop()
		next.ServeHTTP(w, r)
	})
}
