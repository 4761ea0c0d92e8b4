// pool.go: what a sync.Pool gives back, and when it lets go. One P; questions are read first, answers come at the end, as in memstats.go.
//
//	n NEW   the first question: the pool makes objects (numbered from 1<<32 on) if NEW is 1         -> 0
//	p ID N  Put of N objects, new ones, numbered from ID on                                         -> 0
//	g       Get                                                                                      -> its number; 0: nil
//	b N     N times Get, the last first put back                                                     -> the last one's number; 0: nil
//	c       runtime.GC                                                                               -> 0
//	l       objects that live (those that are in no pool any more do until the next collection)      -> their number
package main

import (
	"bufio"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"sync"
)

const opsMax = 4096

type op struct {
	kind string
	v    [4]uint64
}

// Of a class that nothing else here uses.
type object struct {
	id uint64
	_  [2688/8 - 1]uint64
}

var (
	ops     [opsMax]op
	answers [opsMax]uint64
	pool    sync.Pool
	made    uint64
	stats   runtime.MemStats
)

func fresh() any {
	made++
	return &object{id: 1<<32 + made}
}

//go:noinline
func put(id, n uint64) {
	for i := uint64(0); i < n; i++ {
		pool.Put(&object{id: id + i})
	}
}

//go:noinline
func get() uint64 {
	if x := pool.Get(); x != nil {
		return x.(*object).id
	}
	return 0
}

//go:noinline
func getMany(n uint64) (id uint64) {
	var last any
	for i := uint64(0); i < n; i++ {
		last = pool.Get()
	}
	if last == nil {
		return 0
	}
	pool.Put(last)
	return last.(*object).id
}

func living() uint64 {
	runtime.ReadMemStats(&stats)
	for i := range stats.BySize {
		if b := &stats.BySize[i]; b.Size == 2688 {
			return b.Mallocs - b.Frees
		}
	}
	panic("no such class")
}

func carryOut(o *op) (answer uint64) {
	switch o.kind {
	case "n":
		if o.v[0] == 1 {
			pool.New = fresh
		}
	case "p":
		put(o.v[0], o.v[1])
	case "g":
		answer = get()
	case "b":
		answer = getMany(o.v[0])
	case "c":
		runtime.GC()
	case "l":
		answer = living()
	}
	return
}

func main() {
	runtime.GOMAXPROCS(1)
	debug.SetGCPercent(-1)
	in, out := bufio.NewReader(os.Stdin), bufio.NewWriter(os.Stdout)
	n := 0
	for ; ; n++ {
		o := &ops[n]
		if _, err := fmt.Fscan(in, &o.kind, &o.v[0], &o.v[1], &o.v[2], &o.v[3]); err != nil {
			break
		}
	}
	for i := 0; i < 3; i++ {
		runtime.GC()
	}
	before := living()
	for i := range ops[:n] {
		answers[i] = carryOut(&ops[i])
		if ops[i].kind == "l" {
			answers[i] -= before
		}
	}
	for _, a := range answers[:n] {
		fmt.Fprintln(out, a)
	}
	out.Flush()
}
