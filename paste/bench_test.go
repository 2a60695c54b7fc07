package paste

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// BenchmarkLargeFile loads one application of a file of 10,000 sections; see
// bench/loader for the comparison with Paste Deploy.
func BenchmarkLargeFile(b *testing.B) {
	var text strings.Builder
	text.WriteString("[DEFAULT]\nroot = %(here)s\n\n[composite:main]\nuse = egg:Paste#urlmap\n/ = a1\n")
	for i := range 10_000 {
		fmt.Fprintf(&text, "\n# application %d\n[app:a%d]\nuse = egg:Demo\nlog = %%(root)s/a%d.log\nworkers = %d\n", i, i, i, i%8)
	}
	file := filepath.Join(b.TempDir(), "large.ini")
	if err := os.WriteFile(file, []byte(text.String()), 0o600); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Load(App, FileURI(file)); err != nil {
			b.Fatal(err)
		}
	}
}
