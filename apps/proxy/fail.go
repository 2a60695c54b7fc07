package proxy

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"strings"

	"github.com/wheatpaste/wheatpaste/pipeline"
)

// clientLeft is the status that nobody sees, but logs and metrics show.
const clientLeft = 499

// fail answers when the upstream did not. The log says why, the client only
// what it can use.
func fail(logger *slog.Logger, upstream string) func(http.ResponseWriter, *http.Request, error) {
	return func(w http.ResponseWriter, r *http.Request, err error) {
		status, message := classify(r, err)
		level := slog.LevelWarn
		if status == clientLeft {
			level = slog.LevelDebug
		}
		// Neither query nor headers: there are tokens in them.
		logger.Log(r.Context(), level, message, "status", status, "upstream", upstream, "method", r.Method, "path", r.URL.Path,
			"request_id", pipeline.FromRequest(r).RequestID(), "error", err)
		if status == clientLeft {
			w.WriteHeader(status)
			return
		}
		answer(w, r, status, message)
	}
}

// classify finds the status for an error of the transport.
func classify(r *http.Request, err error) (status int, message string) {
	var timeout net.Error
	var tooLarge *http.MaxBytesError
	switch {
	case errors.Is(r.Context().Err(), context.Canceled):
		return clientLeft, "the client left"
	case errors.As(err, &tooLarge):
		return http.StatusRequestEntityTooLarge, "the request body is too large"
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &timeout) && timeout.Timeout():
		return http.StatusGatewayTimeout, "the upstream server did not answer in time"
	default:
		return http.StatusBadGateway, "the upstream server could not be reached or did not answer as HTTP has it"
	}
}

// answer writes a short page: JSON for those who ask for it, with the request
// id, by which the line in the log is found.
func answer(w http.ResponseWriter, r *http.Request, status int, message string) {
	id := pipeline.FromRequest(r).RequestID()
	if strings.Contains(r.Header.Get("Accept"), "application/json") {
		answerJSON(w, status, message, id)
		return
	}
	text := http.StatusText(status) + ": " + message
	if id != "" {
		text += "\nrequest id: " + id
	}
	http.Error(w, text, status)
}

func answerJSON(w http.ResponseWriter, status int, message, id string) {
	problem := struct {
		Code      int    `json:"code"`
		Title     string `json:"title"`
		Message   string `json:"message"`
		RequestID string `json:"request_id,omitempty"`
	}{status, http.StatusText(status), message, id}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(map[string]any{"error": problem}) //nolint:errcheck // the client left; net/http knows
}
