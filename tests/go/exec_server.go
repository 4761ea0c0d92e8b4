// exec_server.go: a server as anybody would write it, for tests/integration/exec.sh: exec_server ADDRESS.
package main

import (
	"fmt"
	"net/http"
	"os"
)

func main() {
	http.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "%d bytes\n", len(make([]byte, 64<<10)))
	})
	fmt.Fprintln(os.Stderr, http.ListenAndServe(os.Args[len(os.Args)-1], nil))
	os.Exit(1)
}
