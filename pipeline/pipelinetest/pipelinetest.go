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
func Load(t testing.TB, ini string) *pipeline.App {
	t.Helper()
	app, err := Try(t, ini)
	if err != nil {
		t.Fatal(err)
	}
	return app
}

// Try is Load for files that may be wrong. Its error is the text that an
// operator sees, with "paste.ini" for the file.
func Try(t testing.TB, ini string) (*pipeline.App, error) {
	t.Helper()
	return TryWith(t, &pipeline.Loader{Logger: slog.New(slog.DiscardHandler)}, ini)
}

// TryWith is Try with a loader of the test's own.
func TryWith(t testing.TB, loader *pipeline.Loader, ini string) (*pipeline.App, error) {
	t.Helper()
	dir := t.TempDir()
	file := filepath.Join(dir, "paste.ini")
	if err := os.WriteFile(file, []byte(ini), 0o600); err != nil {
		t.Fatal(err)
	}
	app, err := loader.LoadApp(paste.FileURI(file))
	if err != nil {
		return nil, errors.New(strings.ReplaceAll(err.Error(), dir+"/", ""))
	}
	if err := app.Start(context.Background()); err != nil {
		_ = app.Close(context.Background())
		return nil, err
	}
	t.Cleanup(func() {
		if err := app.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return app, nil
}
