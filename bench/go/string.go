package main

import (
	"strings"
	"time"
	"unsafe"
)

const stringWords = 3 // of the longest key

func init() {
	register(map[string]operation{
		"map_string_insert_1k":  {n: 1000, ops: mapTurns, run: stringInsert},
		"map_string_insert_1m":  {n: 1000000, ops: mapTurns, run: stringInsert},
		"map_string_hit_1k":     {n: 1000, ops: mapTurns, run: stringHit},
		"map_string_hit_1m":     {n: 1000000, ops: mapTurns, run: stringHit},
		"map_string_miss_1k":    {n: 1000, ops: mapTurns, run: stringMiss},
		"map_string_miss_1m":    {n: 1000000, ops: mapTurns, run: stringMiss},
		"map_string_delete_1k":  {n: 1000, ops: mapTurns, run: stringDelete},
		"map_string_delete_1m":  {n: 1000000, ops: mapTurns, run: stringDelete},
		"map_string_iterate_1k": {n: 1000, ops: mapWalk, run: stringIterate},
		"map_string_iterate_1m": {n: 1000000, ops: mapWalk, run: stringIterate},
		"map_string_churn_1k":   {n: 1000, ops: mapTurns, run: stringChurn},
		"map_string_churn_1m":   {n: 1000000, ops: mapTurns, run: stringChurn},
	})
}

// stringKey is string_key of op_string.c: the bytes of key i in word, and a string over them, which is good until word is written again.
func stringKey(i uint64, word *[stringWords]uint64) string {
	word[0] = key(i)
	word[1] = word[0] * 0x9e3779b97f4a7c15
	word[2] = word[0] ^ word[1]
	header := struct {
		data unsafe.Pointer
		len  uint64
	}{unsafe.Pointer(word), 16 + word[1]%9}
	return *(*string)(unsafe.Pointer(&header))
}

// stringNew is string_new: the key in the heap.
func stringNew(i uint64) string {
	var word [stringWords]uint64
	return strings.Clone(stringKey(i, &word))
}

func stringKeys(n uint64) []string {
	keys := make([]string, n)
	for i := range keys {
		keys[i] = stringNew(uint64(i))
	}
	return keys
}

func stringFill(m map[string]uint64, keys []string) {
	for i, k := range keys {
		m[k] = uint64(i)
	}
}

func stringInsert(b *bench) {
	keys := stringKeys(b.n)
	start := time.Now()
	for round := uint64(0); round < b.ops/b.n; round++ {
		m := make(map[string]uint64)
		stringFill(m, keys)
		b.checksum += uint64(len(m))
	}
	b.took = time.Since(start)
}

func stringLookUp(b *bench, first uint64) {
	m := make(map[string]uint64)
	stringFill(m, stringKeys(b.n))
	var word [stringWords]uint64
	state, n := uint64(7), b.n
	start := time.Now()
	for i := uint64(0); i < b.ops; i++ {
		if value, ok := m[stringKey(first+next(&state)%n, &word)]; ok {
			b.checksum += value
		} else {
			b.checksum++
		}
	}
	b.took = time.Since(start)
}

func stringHit(b *bench)  { stringLookUp(b, 0) }
func stringMiss(b *bench) { stringLookUp(b, b.n) }

func stringDelete(b *bench) {
	m := make(map[string]uint64)
	keys := stringKeys(b.n)
	var word [stringWords]uint64
	for round := uint64(0); round < b.ops/b.n; round++ {
		stringFill(m, keys)
		before := len(m)
		start := time.Now()
		for i := uint64(0); i < b.n; i++ {
			delete(m, stringKey(i, &word))
		}
		b.took += time.Since(start)
		b.checksum += uint64(before - len(m))
	}
}

func stringIterate(b *bench) {
	m := make(map[string]uint64)
	stringFill(m, stringKeys(b.n))
	start := time.Now()
	for round := uint64(0); round < b.ops/b.n; round++ {
		for k, v := range m {
			b.checksum += uint64(len(k)) ^ v
		}
	}
	b.took = time.Since(start)
}

func stringChurnInsert(m map[string]*value, i uint64) {
	k := stringNew(i)
	v := new(value)
	v[0] = i
	v[3] = i ^ 0x5a
	m[k] = v
}

func stringChurn(b *bench) {
	m := make(map[string]*value)
	state, n := uint64(42), b.n
	var word [stringWords]uint64
	for i := uint64(0); i < n/2; i++ {
		stringChurnInsert(m, next(&state)%n)
	}
	start := time.Now()
	for i := uint64(0); i < b.ops/2; i++ {
		stringChurnInsert(m, next(&state)%n)
		delete(m, stringKey(next(&state)%n, &word))
	}
	b.took = time.Since(start)
	for k, v := range m {
		b.checksum += uint64(len(k)) + v[0]*3 + v[3]
	}
}
