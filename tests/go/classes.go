// classes.go: how many bytes a request really gets. Questions and answers as in append.go:
//
//	b N  the capacity of a nil []byte that N bytes were appended to
//	n N  bytes taken from the heap for N bytes without pointers (MemStats.TotalAlloc)
//	p N  the same with pointers
//	m K S P H  what make(map[K]V, H) takes, K a key's bytes (4, 8), V of S bytes, with pointers if P is 1: mallocs bytes
package main

import (
	"bufio"
	"fmt"
	"os"
	"reflect"
	"runtime"
	"runtime/debug"
)

var (
	sinkBytes []byte
	sinkPtrs  []*byte
	sinkMap   reflect.Value
)

// taken measures f; what something else allocated meanwhile can only add, so the least of three counts.
func taken(f func()) (mallocs, bytes uint64) {
	var before, after runtime.MemStats
	for i := 0; i < 3; i++ {
		runtime.ReadMemStats(&before)
		f()
		runtime.ReadMemStats(&after)
		m, b := after.Mallocs-before.Mallocs, after.TotalAlloc-before.TotalAlloc
		if i == 0 || b < bytes {
			mallocs, bytes = m, b
		}
	}
	return
}

var mapTypes = map[[3]int]reflect.Type{}

func mapType(key, size, pointers int) reflect.Type {
	id := [3]int{key, size, pointers}
	if t, ok := mapTypes[id]; ok {
		return t
	}
	k := reflect.TypeOf(uint64(0))
	if key == 4 {
		k = reflect.TypeOf(uint32(0))
	}
	e := reflect.ArrayOf(size, reflect.TypeOf(byte(0)))
	if pointers == 1 {
		e = reflect.ArrayOf(size/8, reflect.TypeOf((*byte)(nil)))
	}
	mapTypes[id] = reflect.MapOf(k, e)
	return mapTypes[id]
}

func main() {
	debug.SetGCPercent(-1)
	in, out := bufio.NewReader(os.Stdin), bufio.NewWriter(os.Stdout)
	var kind string
	var v [4]int
	var since uint64
	for {
		if _, err := fmt.Fscan(in, &kind, &v[0], &v[1], &v[2], &v[3]); err != nil {
			break
		}
		n := v[0]
		var mallocs, bytes uint64
		switch kind {
		case "b":
			fmt.Fprintln(out, cap(append([]byte(nil), make([]byte, n)...)))
			continue
		case "n":
			_, bytes = taken(func() { sinkBytes = make([]byte, n) })
			fmt.Fprintln(out, bytes)
		case "p":
			_, bytes = taken(func() { sinkPtrs = make([]*byte, n/8) })
			fmt.Fprintln(out, bytes)
		case "m":
			t := mapType(v[0], v[1], v[2])
			mallocs, bytes = taken(func() { sinkMap = reflect.MakeMapWithSize(t, v[3]) })
			sinkMap = reflect.Value{}
			fmt.Fprintln(out, mallocs, bytes)
		}
		if since += bytes; since > 32<<20 {
			since = 0
			runtime.GC()
		}
	}
	out.Flush()
}
