package paste

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func big(n int) string {
	var b strings.Builder
	b.WriteString("[DEFAULT]\nroot = %(here)s\n\n[composite:main]\nuse = egg:Paste#urlmap\n")
	for i := range 10 {
		fmt.Fprintf(&b, "/a%d = a%d\n", i, i)
	}
	for i := range n {
		fmt.Fprintf(&b, "\n# application %d\n[app:a%d]\nuse = egg:Demo\nlog = %%(root)s/a%d.log\nworkers = %d\n", i, i, i, i%8)
	}
	return b.String()
}
func BenchmarkBig(b *testing.B) {
	f := filepath.Join(b.TempDir(), "x.ini")
	os.WriteFile(f, []byte(big(10000)), 0o600)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Load(App, "config:"+f); err != nil {
			b.Fatal(err)
		}
	}
}
