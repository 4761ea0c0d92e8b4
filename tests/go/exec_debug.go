// exec_debug.go: a program that serves /debug/vars and /debug/pprof as anybody would, for tests/integration/exec.sh: exec_debug ADDRESS, which is HOST:PORT
// or the path of a Unix socket. Meanwhile it allocates, starts and ends threads, gives memory back, and sends bytes through a pipe; one that is lost ends it.
package main

import (
	_ "expvar"
	"fmt"
	"net"
	"net/http"
	_ "net/http/pprof"
	"os"
	"runtime"
	"runtime/debug"
	"time"
)

var kept [64][]byte

func allocate() {
	for i := 0; ; i++ {
		kept[i%len(kept)] = make([]byte, 16<<10)
		if i%64 == 0 {
			time.Sleep(time.Millisecond)
		}
	}
}

// A goroutine that ends with its thread locked takes the thread with it.
func threads() {
	for {
		done := make(chan bool)
		go func() {
			runtime.LockOSThread()
			close(done)
		}()
		<-done
		time.Sleep(10 * time.Millisecond)
	}
}

var ballast []byte

func giveBack() {
	for {
		ballast = make([]byte, 4<<20)
		for i := 0; i < len(ballast); i += 4096 {
			ballast[i] = 1
		}
		ballast = nil
		debug.FreeOSMemory()
		time.Sleep(100 * time.Millisecond)
	}
}

func pipe() {
	r, w, err := os.Pipe()
	if err != nil {
		panic(err)
	}
	for i := 0; ; i++ {
		var out, in [8]byte
		out[i%8] = byte(i)
		if n, err := w.Write(out[:]); n != 8 || err != nil {
			panic(fmt.Sprint("written ", n, " ", err))
		}
		if n, err := r.Read(in[:]); n != 8 || err != nil || in != out {
			panic(fmt.Sprint("read ", n, " ", err))
		}
		time.Sleep(2 * time.Millisecond)
	}
}

func main() {
	address := os.Args[len(os.Args)-1]
	network := "tcp"
	if address[0] == '/' {
		network = "unix"
	}
	l, err := net.Listen(network, address)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	go allocate()
	go threads()
	go giveBack()
	go pipe()
	fmt.Fprintln(os.Stderr, http.Serve(l, nil))
	os.Exit(1)
}
