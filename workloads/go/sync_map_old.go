//go:build !go1.20

package main

import "sync"

// Before Go 1.20: with what there is. Each key has one writer, so nobody comes in between.

func syncSwap(m *sync.Map, key uint64, value syncValue) syncValue {
	v, _ := m.Load(key)
	m.Store(key, value)
	had, _ := v.(syncValue)
	return had
}

func syncCompareAndSwap(m *sync.Map, key uint64, old, value syncValue) bool {
	v, _ := m.Load(key)
	if had, _ := v.(syncValue); had != old || old == nil {
		return false
	}
	m.Store(key, value)
	return true
}

func syncCompareAndDelete(m *sync.Map, key uint64, old syncValue) bool {
	v, _ := m.Load(key)
	if had, _ := v.(syncValue); had != old || old == nil {
		return false
	}
	m.Delete(key)
	return true
}
