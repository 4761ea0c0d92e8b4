package main

import (
	"runtime"
	"time"
	"unsafe"
)

const (
	allocRing     = 1024
	treeLong      = 18
	treeShort     = 14
	trees         = 64
	overheadCount = 1000000
)

type plain16 [2]uint64
type plain64 [8]uint64
type plain512 [64]uint64
type plain64k [8192]uint64
type pointers16 struct {
	a    *pointers16
	last uint64
}
type pointers64 struct {
	a, b *pointers64
	w    [6]uint64
}
type pointers512 struct {
	a, b *pointers512
	w    [62]uint64
}
type pointers64k struct {
	a, b *pointers64k
	w    [8190]uint64
}

func init() {
	register(map[string]operation{
		"alloc_16_noscan":    {ops: 20000000, run: allocObjects[plain16]},
		"alloc_16_pointers":  {ops: 20000000, run: allocObjects[pointers16]},
		"alloc_64_noscan":    {ops: 10000000, run: allocObjects[plain64]},
		"alloc_64_pointers":  {ops: 10000000, run: allocObjects[pointers64]},
		"alloc_512_noscan":   {ops: 4000000, run: allocObjects[plain512]},
		"alloc_512_pointers": {ops: 4000000, run: allocObjects[pointers512]},
		"alloc_64k_noscan":   {ops: 100000, run: allocObjects[plain64k]},
		"alloc_64k_pointers": {ops: 100000, run: allocObjects[pointers64k]},
		"binary_trees":       {n: trees, ops: 2<<treeLong - 1 + trees*(2<<treeShort-1), run: allocTrees},
		"overhead_object_64": {n: overheadCount, run: overheadObject},
		"overhead_entry":     {n: overheadCount, run: overheadEntry},
	})
}

func last[T any](p *T) *uint64 {
	return (*uint64)(unsafe.Add(unsafe.Pointer(p), unsafe.Sizeof(*p)-8))
}

// The types differ in their shape, so that each has a function of its own.
func allocObjects[T any](b *bench) {
	ring := make([]*T, allocRing)
	start := time.Now()
	for i := uint64(0); i < b.ops; i++ {
		p := new(T)
		*last(p) = i
		ring[i%allocRing] = p
	}
	b.took = time.Since(start)
	for _, p := range ring {
		if p != nil {
			b.checksum += *last(p)
		}
	}
}

type node struct {
	left, right *node
}

func treeBuild(depth int) *node {
	if depth == 0 {
		return new(node)
	}
	left := treeBuild(depth - 1)
	right := treeBuild(depth - 1)
	return &node{left, right}
}

func treeCount(n *node) uint64 {
	if n == nil {
		return 0
	}
	return 1 + treeCount(n.left) + treeCount(n.right)
}

func allocTrees(b *bench) {
	start := time.Now()
	long := treeBuild(treeLong)
	for i := uint64(0); i < b.n; i++ {
		b.checksum += treeCount(treeBuild(treeShort))
	}
	b.checksum += treeCount(long)
	b.took = time.Since(start)
}

func overheadHeld() uint64 {
	var s runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&s)
	return s.HeapInuse + s.MSpanInuse + s.GCSys
}

func overheadObject(b *bench) {
	all := make([]*pointers64, b.n)
	before := overheadHeld()
	for i := range all {
		all[i] = new(pointers64)
	}
	b.tell("bytes", float64(overheadHeld()-before)/float64(b.n)-64, "B")
	runtime.KeepAlive(all)
}

func overheadEntry(b *bench) {
	before := overheadHeld()
	m := make(map[uint64]uint64)
	mapFill(m, b.n)
	b.tell("bytes", float64(overheadHeld()-before)/float64(b.n)-16, "B")
	runtime.KeepAlive(m)
}
