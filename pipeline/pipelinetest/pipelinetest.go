// Package pipelinetest loads paste files from text, for the tests of filters
// and apps.
package pipelinetest

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/wheatpaste/wheatpaste/paste"
	"github.com/wheatpaste/wheatpaste/pipeline"
)

// Load builds, starts and returns the application main of a paste file given as
// text; it is closed at the end of the test. An error ends the test.
func Load(tb testing.TB, ini string) *pipeline.App {
	tb.Helper()
	app, err := Try(tb, ini)
	if err != nil {
		tb.Fatal(err)
	}
	return app
}

// Try is Load for files that may be wrong. Its error is the text that an
// operator sees, with "paste.ini" for the file.
func Try(tb testing.TB, ini string) (*pipeline.App, error) {
	tb.Helper()
	return TryWith(tb, &pipeline.Loader{Logger: slog.New(slog.DiscardHandler)}, ini)
}

// TryWith is Try with a loader of the test's own.
func TryWith(tb testing.TB, loader *pipeline.Loader, ini string) (*pipeline.App, error) {
	tb.Helper()
	dir := tb.TempDir()
	file := filepath.Join(dir, "paste.ini")
	if err := os.WriteFile(file, []byte(ini), 0o600); err != nil {
		tb.Fatal(err)
	}
	app, err := loader.LoadApp(paste.FileURI(file))
	if err != nil {
		return nil, errors.New(strings.ReplaceAll(err.Error(), dir+"/", ""))
	}
	if err := app.Start(context.Background()); err != nil {
		_ = app.Close(context.Background())
		return nil, err
	}
	tb.Cleanup(func() {
		if err := app.Close(context.Background()); err != nil {
			tb.Error(err)
		}
	})
	return app, nil
}
