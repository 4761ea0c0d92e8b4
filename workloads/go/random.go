package main

import "math/bits"

const (
	golden  = 0x9e3779b97f4a7c15
	scatter = 0xd1342543de82ef95
)

// mix is the finaliser of splitmix64: workloads/workload.h has the same, faults/decide.c too.
func mix(x uint64) uint64 {
	x ^= x >> 30
	x *= 0xbf58476d1ce4e5b9
	x ^= x >> 27
	x *= 0x94d049bb133111eb
	return x ^ x>>31
}

// word is the content that belongs at index of a key's value.
func word(key, version, index uint64) uint64 {
	return mix(key ^ version*golden ^ index*scatter)
}

// random is a unit's own sequence.
type random struct{ state uint64 }

func randomOf(seed uint64, workload, worker uint32) random {
	return random{mix(seed ^ mix(uint64(workload)<<32|uint64(worker)))}
}

func (r *random) next() uint64 {
	r.state += golden
	return mix(r.state)
}

// below n, evenly.
func (r *random) below(n uint64) uint64 {
	hi, _ := bits.Mul64(r.next(), n)
	return hi
}
