package main

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"runtime"
	"sync"
	"syscall"
	"time"
)

const (
	yields    = 4000000
	rallies   = 1000000
	echoBytes = 64
)

func init() {
	register(map[string]operation{
		"yield":        {ops: yields, procs: 1, run: yieldPair},
		"ping_pong_1p": {ops: rallies, procs: 1, run: rally},
		"ping_pong_2p": {ops: rallies, procs: 2, run: rally},
		"echo":         {run: echo},
	})
}

func yieldPair(b *bench) {
	turns := b.ops / 2
	var done sync.WaitGroup
	done.Add(2)
	start := time.Now()
	for i := 0; i < 2; i++ {
		go func() {
			for i := uint64(0); i < turns; i++ {
				runtime.Gosched()
			}
			done.Done()
		}()
	}
	done.Wait()
	b.took = time.Since(start)
}

func rallySide(ball *[2]sync.WaitGroup, side int, turns uint64) {
	for i := uint64(0); i < turns; i++ {
		ball[side].Wait()
		ball[side].Add(1)
		ball[1-side].Done()
	}
}

func rally(b *bench) {
	var ball [2]sync.WaitGroup
	var done sync.WaitGroup
	ball[0].Add(1)
	ball[1].Add(1)
	done.Add(1)
	start := time.Now()
	go func() {
		rallySide(&ball, 1, b.ops/2)
		done.Done()
	}()
	ball[0].Done()
	rallySide(&ball, 0, b.ops/2)
	done.Wait()
	b.took = time.Since(start)
}

func fail(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench-go: echo:", err)
		os.Exit(1)
	}
}

// The client is the same program for both sides, in BENCH_CLIENT; it prints the figures.
func echo(b *bench) {
	fds, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	fail(err)
	mine, theirs := os.NewFile(uintptr(fds[1]), "server"), os.NewFile(uintptr(fds[0]), "client")
	client := exec.Command(os.Getenv("BENCH_CLIENT"), "echo-client")
	client.ExtraFiles = []*os.File{theirs}
	client.Stdout, client.Stderr = os.Stdout, os.Stderr
	fail(client.Start())
	theirs.Close()
	conn, err := net.FileConn(mine)
	fail(err)
	mine.Close()
	buf := make([]byte, echoBytes)
	for {
		n, err := conn.Read(buf)
		if n == 0 || err != nil {
			break
		}
		_, err = conn.Write(buf[:n])
		fail(err)
	}
	conn.Close()
	fail(client.Wait())
}
