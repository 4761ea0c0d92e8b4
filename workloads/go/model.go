package main

import (
	"syscall"
	"unsafe"
)

// outside gives zeroed memory that is no part of Go's heap: what a unit remembers must not count as live, nor be collected.
func outside[T any](n int) ([]T, error) {
	var zero T
	bytes := int(unsafe.Sizeof(zero)) * n
	if bytes == 0 {
		return nil, nil
	}
	mem, err := syscall.Mmap(-1, 0, bytes, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_PRIVATE|syscall.MAP_ANON)
	if err != nil {
		return nil, err
	}
	return unsafe.Slice((*T)(unsafe.Pointer(&mem[0])), n), nil
}

type modelEntry struct{ key, version uint64 }

// model is what a map must hold: entries in the order of workloads/model.c, for which one is drawn depends on it. Linear probing, at most
// half full, deletion by moving later entries back. T is 0 (free) or an index plus one.
type model struct {
	entry []modelEntry
	table []uint32
	mask  uint32
	count int
}

func (m *model) init(cap int) (err error) {
	size := 16
	for size < 2*cap {
		size *= 2
	}
	m.mask = uint32(size - 1)
	if m.entry, err = outside[modelEntry](cap); err == nil {
		m.table, err = outside[uint32](size)
	}
	return err
}

func (m *model) home(key uint64) uint32 { return uint32(mix(key)>>20) & m.mask }

func (m *model) probe(key uint64) uint32 {
	at := m.home(key)
	for m.table[at] != 0 && m.entry[m.table[at]-1].key != key {
		at = (at + 1) & m.mask
	}
	return at
}

// find gives the entry's index, or -1.
func (m *model) find(key uint64) int { return int(m.table[m.probe(key)]) - 1 }

func (m *model) put(key, version uint64) {
	at := m.probe(key)
	m.entry[m.count] = modelEntry{key, version}
	m.count++
	m.table[at] = uint32(m.count)
}

func (m *model) clear() {
	for i := range m.table {
		m.table[i] = 0
	}
	m.count = 0
}

func (m *model) freePlace(hole uint32) {
	for at := (hole + 1) & m.mask; m.table[at] != 0; at = (at + 1) & m.mask {
		home := m.home(m.entry[m.table[at]-1].key)
		if (at-home)&m.mask >= (at-hole)&m.mask {
			m.table[hole] = m.table[at]
			hole = at
		}
	}
	m.table[hole] = 0
}

func (m *model) delete(key uint64) {
	at := m.probe(key)
	index, last := int(m.table[at])-1, m.count-1
	m.freePlace(at)
	if index != last {
		moved := m.probe(m.entry[last].key)
		m.entry[index] = m.entry[last]
		m.table[moved] = uint32(index + 1)
	}
	m.count = last
}
