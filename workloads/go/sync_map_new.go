//go:build go1.20

package main

import "sync"

func syncSwap(m *sync.Map, key uint64, value syncValue) syncValue {
	v, _ := m.Swap(key, value)
	had, _ := v.(syncValue)
	return had
}

func syncCompareAndSwap(m *sync.Map, key uint64, old, value syncValue) bool {
	return m.CompareAndSwap(key, old, value)
}

func syncCompareAndDelete(m *sync.Map, key uint64, old syncValue) bool {
	return m.CompareAndDelete(key, old)
}
