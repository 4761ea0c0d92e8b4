package main

import "time"

const (
	mapTurns     = 4000000
	mapWalk      = 20000000
	churnKeys    = 1000000
	appendLen    = 1000000
	appendRounds = 20
	bigKeys      = 10000
	bigTurns     = 2000000
)

func init() {
	register(map[string]operation{
		"map_insert_1k":     {ops: mapTurns, run: func(b *bench) { mapInsert(b, 1000) }},
		"map_insert_1m":     {ops: mapTurns, run: func(b *bench) { mapInsert(b, 1000000) }},
		"map_hit_1k":        {ops: mapTurns, run: func(b *bench) { mapLookUp(b, 1000, 0) }},
		"map_hit_1m":        {ops: mapTurns, run: func(b *bench) { mapLookUp(b, 1000000, 0) }},
		"map_miss_1k":       {ops: mapTurns, run: func(b *bench) { mapLookUp(b, 1000, 1000) }},
		"map_miss_1m":       {ops: mapTurns, run: func(b *bench) { mapLookUp(b, 1000000, 1000000) }},
		"map_delete_1k":     {ops: mapTurns, run: func(b *bench) { mapDelete(b, 1000) }},
		"map_delete_1m":     {ops: mapTurns, run: func(b *bench) { mapDelete(b, 1000000) }},
		"map_iterate_1k":    {ops: mapWalk, run: func(b *bench) { mapIterate(b, 1000) }},
		"map_iterate_1m":    {ops: mapWalk, run: func(b *bench) { mapIterate(b, 1000000) }},
		"map_churn_1k":      {ops: mapTurns, run: func(b *bench) { mapChurn(b, 1000) }},
		"map_churn":         {ops: mapTurns, run: func(b *bench) { mapChurn(b, churnKeys) }},
		"big_value_inline":  {ops: bigTurns, run: bigInline},
		"big_value_pointer": {ops: bigTurns, run: bigPointer},
		"slice_append":      {ops: appendRounds * appendLen, run: sliceAppend},
	})
}

func mapFill(m map[uint64]uint64, n uint64) {
	for i := uint64(0); i < n; i++ {
		m[key(i)] = i
	}
}

func mapInsert(b *bench, n uint64) {
	start := time.Now()
	for round := uint64(0); round < mapTurns/n; round++ {
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
	for i := 0; i < mapTurns; i++ {
		if value, ok := m[key(first+next(&state)%n)]; ok {
			b.checksum += value
		} else {
			b.checksum++
		}
	}
	b.took = time.Since(start)
}

func mapDelete(b *bench, n uint64) {
	m := make(map[uint64]uint64)
	for round := uint64(0); round < mapTurns/n; round++ {
		mapFill(m, n)
		start := time.Now()
		for i := uint64(0); i < n; i++ {
			delete(m, key(i))
			b.checksum++
		}
		b.took += time.Since(start)
	}
}

func mapIterate(b *bench, n uint64) {
	m := make(map[uint64]uint64)
	mapFill(m, n)
	start := time.Now()
	for round := uint64(0); round < mapWalk/n; round++ {
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

func mapChurn(b *bench, n uint64) {
	m := make(map[uint64]*value)
	state := uint64(42)
	for i := uint64(0); i < n/2; i++ {
		churnInsert(m, next(&state)%n)
	}
	start := time.Now()
	for i := 0; i < mapTurns/2; i++ {
		churnInsert(m, next(&state)%n)
		delete(m, next(&state)%n)
	}
	b.took = time.Since(start)
	for k, v := range m {
		b.checksum += k*3 + v[3]
	}
}

// Each turn on the clock, seven reads to three writes.
func bigTurnsOf(b *bench, put func(uint64), get func(uint64) uint64) {
	took := make([]uint32, bigTurns)
	state := uint64(11)
	for i := uint64(0); i < bigKeys; i++ {
		put(i)
	}
	for i := range took {
		draw := next(&state)
		k := draw / 10 % bigKeys
		start := time.Now()
		if draw%10 < 7 {
			b.checksum += get(k)
		} else {
			put(k)
		}
		took[i] = uint32(time.Since(start))
		b.took += time.Duration(took[i])
	}
	b.tell("at_p99", float64(sorted(took)[bigTurns/100*99]), "ns")
}

type big [128]uint64

func bigInline(b *bench) {
	m := make(map[uint64]big)
	bigTurnsOf(b, func(k uint64) { m[k] = big{k} }, func(k uint64) uint64 { return m[k][0] })
}

func bigPointer(b *bench) {
	m := make(map[uint64]*big)
	bigTurnsOf(b, func(k uint64) {
		v := new(big)
		v[0] = k
		m[k] = v
	}, func(k uint64) uint64 { return m[k][0] })
}

func sliceAppend(b *bench) {
	start := time.Now()
	for round := 0; round < appendRounds; round++ {
		var s []int64
		for i := int64(0); i < appendLen; i++ {
			s = append(s, i)
		}
		b.checksum += uint64(s[len(s)-1])
	}
	b.took = time.Since(start)
}
