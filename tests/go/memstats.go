// memstats.go: what MemStats counts while objects come and go. Reads all questions first and answers at the end, so that nothing but
// the questions allocates meanwhile:
//
//	a SLOT BYTES POINTERS   an object of BYTES bytes into the slot, all pointers or without any        -> 0
//	n SLOT BYTES POINTERS N the same N times; with pointers each holds the one before, else the last is kept -> 0
//	q, Q                    a, n of sizes that nothing else asks for                                   -> 0
//	l SLOT WORD FROM        word WORD (modulo those it has) of the object in SLOT holds what FROM holds; nothing if there are no pointers -> 0
//	d SLOT                  the slot is empty                                                          -> 0
//	g                       runtime.GC                                                                 -> 0
//	f                       debug.FreeOSMemory                -> free bytes of the heap that the system still backs
//	s                       Mallocs Frees TotalAlloc HeapAlloc HeapObjects NumGC NumForcedGC since the beginning; Alloc - HeapAlloc;
//	                        HeapSys - HeapInuse - HeapIdle; Lookups; HeapInuse since the beginning
//	z CLASS                 BySize[CLASS]: Size; Mallocs and Frees since the beginning
package main

import (
	"bufio"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"unsafe"
)

const (
	slots      = 64
	opsMax     = 1024
	answersMax = 12
)

type op struct {
	kind string
	v    [4]uint64
}

type held struct {
	bytes    []byte
	pointers []unsafe.Pointer
}

var slot [slots]held

func (h *held) address() unsafe.Pointer {
	if h.pointers != nil {
		return unsafe.Pointer(&h.pointers[0])
	}
	if h.bytes != nil {
		return unsafe.Pointer(&h.bytes[0])
	}
	return nil
}

//go:noinline
func allocate(o *op) {
	if o.v[2] != 0 {
		slot[o.v[0]] = held{pointers: make([]unsafe.Pointer, o.v[1]/8)}
	} else {
		slot[o.v[0]] = held{bytes: make([]byte, o.v[1])}
	}
}

//go:noinline
func allocateMany(o *op) {
	for i := uint64(0); i < o.v[3]; i++ {
		before := slot[o.v[0]]
		allocate(o)
		if h := &slot[o.v[0]]; h.pointers != nil {
			h.pointers[0] = before.address()
		}
	}
}

//go:noinline
func link(o *op) {
	if h := &slot[o.v[0]]; h.pointers != nil {
		h.pointers[o.v[1]%uint64(len(h.pointers))] = slot[o.v[2]].address()
	}
}

var base, now runtime.MemStats

func summary(a []uint64) []uint64 {
	runtime.ReadMemStats(&now)
	return append(a, now.Mallocs-base.Mallocs, now.Frees-base.Frees, now.TotalAlloc-base.TotalAlloc, now.HeapAlloc-base.HeapAlloc,
		now.HeapObjects-base.HeapObjects, uint64(now.NumGC-base.NumGC), uint64(now.NumForcedGC-base.NumForcedGC),
		now.Alloc-now.HeapAlloc, now.HeapSys-now.HeapInuse-now.HeapIdle, now.Lookups, now.HeapInuse-base.HeapInuse)
}

func class(a []uint64, i uint64) []uint64 {
	runtime.ReadMemStats(&now)
	n, b := &now.BySize[i], &base.BySize[i]
	return append(a, uint64(n.Size), n.Mallocs-b.Mallocs, n.Frees-b.Frees)
}

func carryOut(o *op, a []uint64) []uint64 {
	switch o.kind {
	case "a", "q":
		allocate(o)
	case "n", "Q":
		allocateMany(o)
	case "l":
		link(o)
	case "d":
		slot[o.v[0]] = held{}
	case "g":
		runtime.GC()
	case "f":
		debug.FreeOSMemory()
		runtime.ReadMemStats(&now)
		return append(a, now.HeapIdle-now.HeapReleased)
	case "s":
		return summary(a)
	case "z":
		return class(a, o.v[0])
	}
	return append(a, 0)
}

// All of it outside the heap.
var (
	ops     [opsMax]op
	answers [opsMax][]uint64
	room    [opsMax][answersMax]uint64
)

func read() (n int) {
	in := bufio.NewReader(os.Stdin)
	for ; ; n++ {
		o := &ops[n]
		if _, err := fmt.Fscan(in, &o.kind, &o.v[0], &o.v[1], &o.v[2], &o.v[3]); err != nil {
			return
		}
	}
}

func main() {
	runtime.MemProfileRate = 0
	runtime.GOMAXPROCS(1)
	debug.SetGCPercent(-1)
	n := read()
	for i := 0; i < 4; i++ { // what the start has left behind goes, and the workers of the collector come
		runtime.GC()
	}
	runtime.ReadMemStats(&base)
	for i := range ops[:n] {
		answers[i] = carryOut(&ops[i], room[i][:0])
	}
	out := bufio.NewWriter(os.Stdout)
	for _, a := range answers[:n] {
		for i, v := range a {
			if i > 0 {
				out.WriteByte(' ')
			}
			fmt.Fprint(out, v)
		}
		out.WriteByte('\n')
	}
	out.Flush()
}
