// The operations of bench_runtime.c in plain Go: same sizes, same keys, same order, same
// checksums, and the same output lines: name, value, unit, note.
package main

import (
	"fmt"
	"os"
	"runtime"
	"time"
)

const (
	mapKeys      = 1000000
	mapOps       = 4000000
	appendLen    = 1000000
	appendRounds = 20
	allocOps     = 10000000
	allocRing    = 1024
)

// next is the generator of bench_runtime.c.
func next(state *uint64) uint64 {
	*state += 0x9e3779b97f4a7c15
	z := *state
	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9
	z = (z ^ (z >> 27)) * 0x94d049bb133111eb
	return z ^ (z >> 31)
}

type value [4]uint64

func insert(m map[uint64]*value, key uint64) {
	v := new(value)
	v[0] = key
	v[3] = key ^ 0x5a
	m[key] = v
}

func mapChurn() (time.Duration, uint64, uint64) {
	m := make(map[uint64]*value)
	state := uint64(42)
	for i := 0; i < mapKeys/2; i++ {
		insert(m, next(&state)%mapKeys)
	}
	start := time.Now()
	for i := 0; i < mapOps/2; i++ {
		insert(m, next(&state)%mapKeys)
		delete(m, next(&state)%mapKeys)
	}
	took := time.Since(start)
	var sum uint64
	for k, v := range m {
		sum += k*3 + v[3]
	}
	return took, mapOps, sum
}

func sliceAppend() (time.Duration, uint64, uint64) {
	var sum uint64
	start := time.Now()
	for round := 0; round < appendRounds; round++ {
		var s []int64
		for i := int64(0); i < appendLen; i++ {
			s = append(s, i)
		}
		sum += uint64(cap(s)) + uint64(s[len(s)-1])
	}
	return time.Since(start), appendRounds * appendLen, sum
}

type plain64 struct {
	words [8]uint64
}

type pointers64 struct {
	a, b  *pointers64
	words [6]uint64
}

func allocPlain() (time.Duration, uint64, uint64) {
	ring := make([]*plain64, allocRing)
	start := time.Now()
	for i := uint64(0); i < allocOps; i++ {
		p := new(plain64)
		p.words[7] = i
		ring[i%allocRing] = p
	}
	took := time.Since(start)
	var sum uint64
	for _, p := range ring {
		sum += p.words[7]
	}
	return took, allocOps, sum
}

func allocPointers() (time.Duration, uint64, uint64) {
	ring := make([]*pointers64, allocRing)
	start := time.Now()
	for i := uint64(0); i < allocOps; i++ {
		p := new(pointers64)
		p.words[5] = i
		ring[i%allocRing] = p
	}
	took := time.Since(start)
	var sum uint64
	for _, p := range ring {
		sum += p.words[5]
	}
	return took, allocOps, sum
}

var operations = map[string]func() (time.Duration, uint64, uint64){
	"map_churn":         mapChurn,
	"slice_append":      sliceAppend,
	"alloc_64_noscan":   allocPlain,
	"alloc_64_pointers": allocPointers,
}

func main() {
	if len(os.Args) == 2 && os.Args[1] == "version" {
		fmt.Println(runtime.Version())
		return
	}
	if len(os.Args) == 3 && os.Args[1] == "op" && operations[os.Args[2]] != nil {
		took, ops, sum := operations[os.Args[2]]()
		fmt.Printf("%s\t%.3f\tns/op\tchecksum %d\n", os.Args[2],
			float64(took.Nanoseconds())/float64(ops), sum)
		return
	}
	fmt.Fprintln(os.Stderr, "usage: bench-go op NAME | version")
	os.Exit(2)
}
