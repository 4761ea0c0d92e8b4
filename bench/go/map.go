package main

import "time"

const (
	mapTurns     = 4000000
	mapWalk      = 20000000
	churnKeys    = 1000000
	appendLen    = 1000000
	appendRounds = 20
)

func init() {
	register(map[string]operation{
		"map_insert_1k":  {n: 1000, ops: mapTurns, run: mapInsert},
		"map_insert_1m":  {n: 1000000, ops: mapTurns, run: mapInsert},
		"map_hit_1k":     {n: 1000, ops: mapTurns, run: mapHit},
		"map_hit_1m":     {n: 1000000, ops: mapTurns, run: mapHit},
		"map_miss_1k":    {n: 1000, ops: mapTurns, run: mapMiss},
		"map_miss_1m":    {n: 1000000, ops: mapTurns, run: mapMiss},
		"map_delete_1k":  {n: 1000, ops: mapTurns, run: mapDelete},
		"map_delete_1m":  {n: 1000000, ops: mapTurns, run: mapDelete},
		"map_iterate_1k": {n: 1000, ops: mapWalk, run: mapIterate},
		"map_iterate_1m": {n: 1000000, ops: mapWalk, run: mapIterate},
		"map_churn_1k":   {n: 1000, ops: mapTurns, run: mapChurn},
		"map_churn":      {n: churnKeys, ops: mapTurns, run: mapChurn},
		"slice_append":   {n: appendLen, ops: appendRounds * appendLen, run: sliceAppend},
	})
}

func mapFill(m map[uint64]uint64, n uint64) {
	for i := uint64(0); i < n; i++ {
		m[key(i)] = i
	}
}

func mapInsert(b *bench) {
	n := b.n
	start := time.Now()
	for round := uint64(0); round < b.ops/n; round++ {
		m := make(map[uint64]uint64)
		mapFill(m, n)
		b.checksum += uint64(len(m))
	}
	b.took = time.Since(start)
}

func mapLookUp(b *bench, n, first uint64) {
	m := make(map[uint64]uint64)
	mapFill(m, n)
	state := uint64(7)
	start := time.Now()
	for i := uint64(0); i < b.ops; i++ {
		if value, ok := m[key(first+next(&state)%n)]; ok {
			b.checksum += value
		} else {
			b.checksum++
		}
	}
	b.took = time.Since(start)
}

func mapHit(b *bench)  { mapLookUp(b, b.n, 0) }
func mapMiss(b *bench) { mapLookUp(b, b.n, b.n) }

func mapDelete(b *bench) {
	n := b.n
	m := make(map[uint64]uint64)
	for round := uint64(0); round < b.ops/n; round++ {
		mapFill(m, n)
		start := time.Now()
		for i := uint64(0); i < n; i++ {
			delete(m, key(i))
			b.checksum++
		}
		b.took += time.Since(start)
	}
}

func mapIterate(b *bench) {
	n := b.n
	m := make(map[uint64]uint64)
	mapFill(m, n)
	start := time.Now()
	for round := uint64(0); round < b.ops/n; round++ {
		for k, v := range m {
			b.checksum += k ^ v
		}
	}
	b.took = time.Since(start)
}

type value [4]uint64

func churnInsert(m map[uint64]*value, key uint64) {
	v := new(value)
	v[0] = key
	v[3] = key ^ 0x5a
	m[key] = v
}

func mapChurn(b *bench) {
	n := b.n
	m := make(map[uint64]*value)
	state := uint64(42)
	for i := uint64(0); i < n/2; i++ {
		churnInsert(m, next(&state)%n)
	}
	start := time.Now()
	for i := uint64(0); i < b.ops/2; i++ {
		churnInsert(m, next(&state)%n)
		delete(m, next(&state)%n)
	}
	b.took = time.Since(start)
	for k, v := range m {
		b.checksum += k*3 + v[3]
	}
}

func sliceAppend(b *bench) {
	start := time.Now()
	for round := uint64(0); round < b.ops/b.n; round++ {
		var s []int64
		for i := int64(0); i < int64(b.n); i++ {
			s = append(s, i)
		}
		b.checksum += uint64(s[len(s)-1])
	}
	b.took = time.Since(start)
}
