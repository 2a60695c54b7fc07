package osloconf_test

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/wheatpaste/wheatpaste/internal/osloconf"
)

// An option is declared once and read by its type.
func Example() {
	conf, err := osloconf.Load(nil, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	strategy := osloconf.Option{Group: "api", Name: "auth_strategy", Default: "keystone"}
	fmt.Println(conf.String(strategy))
	// Output: keystone <nil>
}

// A Reader shows the operator all that is wrong at once. Declared options can
// be named by the values of others, also when no file sets them.
func ExampleReader() {
	dir, err := os.MkdirTemp("", "osloconf")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	name := filepath.Join(dir, "nova.conf")
	text := "[DEFAULT]\nosapi_compute_listen = $my_ip\nosapi_compute_workers = 4\n[wsgi]\nkeep_alive = yes\n"
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		fmt.Println(err)
		return
	}
	conf, err := osloconf.Load([]string{name}, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	conf.Declare(osloconf.Option{Name: "my_ip", Default: "192.0.2.1"})
	r := conf.Read()
	listen := r.String(osloconf.Option{Name: "osapi_compute_listen", Default: "0.0.0.0"})
	workers := r.Int(osloconf.Option{Name: "osapi_compute_workers"})
	keepAlive := r.Bool(osloconf.Option{Group: "wsgi", Name: "keep_alive", Default: "true"})
	if err := r.Err(); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(listen, workers, keepAlive)
	// Output: 192.0.2.1 4 true
}
