// goals.go: which heap goals follow from a collection. Questions and answers as in append.go:
//
//	l LIVE STACK     LIVE KiB live, a parked goroutine with STACK KiB of stack, a collection by hand
//	                   -> goal at GOGC 10, 50, 100, 200, 400; and live, stacks + globals (Go 1.21 and later, else 0); number of the collection
//	m LIMIT LIVE     with a memory limit of LIMIT KiB and no GOGC (Go 1.21 and later)
//	                   -> mapped, free of it, in objects, live: bytes; the goal
package main

import (
	"bufio"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
)

// Globals that the collector scans.
var globals [1 << 16]*byte

var live [][]byte

func hold(kib int) {
	for ; len(live) < kib/4; live = append(live, make([]byte, 4<<10)) {
	}
	for i := kib / 4; i < len(live); i++ {
		live[i] = nil
	}
	live = live[:kib/4]
}

// deep parks with kib KiB of stack in use.
func deep(kib int, parked, end chan bool) {
	var frame [1 << 10]byte
	if kib > 0 {
		deep(kib-1, parked, end)
	} else {
		parked <- true
		<-end
	}
	runtime.KeepAlive(&frame)
}

var names = []string{"/gc/heap/live:bytes", "/gc/scan/stack:bytes", "/gc/scan/globals:bytes", "/memory/classes/total:bytes",
	"/memory/classes/heap/released:bytes", "/memory/classes/heap/free:bytes", "/memory/classes/heap/objects:bytes", "/gc/heap/goal:bytes"}

func read(s []metrics.Sample) (v [8]uint64) {
	metrics.Read(s)
	for i := range s {
		if s[i].Value.Kind() == metrics.KindUint64 {
			v[i] = s[i].Value.Uint64()
		}
	}
	return
}

// settled reads until nothing changes any more: the scavenger and a cycle's end may still be at work. The scavenger takes pages off what is mapped
// before it books them as released: between two readings the world is stopped, so that it is never in between for both.
func settled(s []metrics.Sample) (v [8]uint64) {
	var m runtime.MemStats
	for i := 0; i < 1000; i++ {
		v = read(s)
		runtime.ReadMemStats(&m)
		if read(s) == v {
			break
		}
	}
	return
}

func main() {
	debug.SetGCPercent(-1)
	in, out := bufio.NewReader(os.Stdin), bufio.NewWriter(os.Stdout)
	samples := make([]metrics.Sample, len(names))
	for i := range names {
		samples[i].Name = names[i]
	}
	var kind string
	var v [4]int
	var m runtime.MemStats
	for {
		if _, err := fmt.Fscan(in, &kind, &v[0], &v[1], &v[2], &v[3]); err != nil {
			break
		}
		switch kind {
		case "l":
			parked, end := make(chan bool), make(chan bool)
			go deep(v[1], parked, end)
			<-parked
			hold(v[0])
			runtime.GC()
			var goal [5]uint64
			for i, percent := range []int{10, 50, 100, 200, 400} {
				debug.SetGCPercent(percent)
				runtime.ReadMemStats(&m)
				goal[i] = m.NextGC
			}
			debug.SetGCPercent(-1)
			r := read(samples)
			end <- true
			fmt.Fprintln(out, goal[0], goal[1], goal[2], goal[3], goal[4], r[0], r[1]+r[2], m.NumGC)
		case "m":
			hold(v[1])
			runtime.GC()
			debug.SetMemoryLimit(int64(v[0]) << 10)
			r := settled(samples)
			debug.SetMemoryLimit(1 << 62)
			fmt.Fprintln(out, r[3]-r[4], r[5], r[6], r[0], r[7])
		}
	}
	out.Flush()
}
