package main

import (
	"sync"
	"time"
)

const (
	bigKeys    = 10000
	bigTurns   = 2000000
	bigSharers = 2
	bigSeed    = 11
)

type big [128]uint64

// What a design does for one turn.
type bigDesign interface {
	put(k uint64)
	get(k uint64) uint64
}

func init() {
	register(map[string]operation{
		"big_value_inline":     bigOperation(1, func() bigDesign { return &bigInline{m: map[uint64]big{}} }),
		"big_value_pointer":    bigOperation(1, func() bigDesign { return &bigPointer{m: map[uint64]*big{}} }),
		"big_value_sync":       bigOperation(1, func() bigDesign { return new(bigSync) }),
		"big_value_inline_2p":  bigOperation(bigSharers, func() bigDesign { return &bigInlineShared{m: map[uint64]big{}} }),
		"big_value_pointer_2p": bigOperation(bigSharers, func() bigDesign { return &bigPointerShared{m: map[uint64]*big{}} }),
		"big_value_sync_2p":    bigOperation(bigSharers, func() bigDesign { return new(bigSync) }),
	})
}

func bigOperation(sharers uint64, create func() bigDesign) operation {
	op := operation{n: bigKeys, ops: bigTurns, run: func(b *bench) { bigRun(b, create(), sharers) }}
	if sharers > 1 {
		op.procs = int(sharers)
	}
	return op
}

type bigInline struct {
	m map[uint64]big
}

func (d *bigInline) put(k uint64)        { d.m[k] = big{k} }
func (d *bigInline) get(k uint64) uint64 { return d.m[k][0] }

type bigPointer struct {
	m map[uint64]*big
}

func bigValue(k uint64) *big {
	v := new(big)
	v[0] = k
	return v
}

func (d *bigPointer) put(k uint64)        { d.m[k] = bigValue(k) }
func (d *bigPointer) get(k uint64) uint64 { return d.m[k][0] }

type bigSync struct {
	m sync.Map
}

func (d *bigSync) put(k uint64) { d.m.Store(k, bigValue(k)) }
func (d *bigSync) get(k uint64) uint64 {
	v, _ := d.m.Load(k)
	return v.(*big)[0]
}

type bigInlineShared struct {
	lock sync.RWMutex
	m    map[uint64]big
}

func (d *bigInlineShared) put(k uint64) {
	d.lock.Lock()
	d.m[k] = big{k}
	d.lock.Unlock()
}
func (d *bigInlineShared) get(k uint64) uint64 {
	d.lock.RLock()
	first := d.m[k][0]
	d.lock.RUnlock()
	return first
}

type bigPointerShared struct {
	lock sync.RWMutex
	m    map[uint64]*big
}

func (d *bigPointerShared) put(k uint64) {
	v := bigValue(k)
	d.lock.Lock()
	d.m[k] = v
	d.lock.Unlock()
}
func (d *bigPointerShared) get(k uint64) uint64 {
	d.lock.RLock()
	first := d.m[k][0]
	d.lock.RUnlock()
	return first
}

// Each turn on the clock, seven reads to three writes. The sum of what was read.
func bigTurnsOf(d bigDesign, keys, state uint64, took []uint32) (checksum uint64) {
	for i := range took {
		draw := next(&state)
		k := draw / 10 % keys
		start := time.Now()
		if draw%10 < 7 {
			checksum += d.get(k)
		} else {
			d.put(k)
		}
		took[i] = uint32(time.Since(start))
	}
	return
}

func bigRun(b *bench, d bigDesign, sharers uint64) {
	took := make([]uint32, b.ops)
	turns := b.ops / sharers
	for k := uint64(0); k < b.n; k++ {
		d.put(k)
	}
	if sharers == 1 {
		b.checksum = bigTurnsOf(d, b.n, bigSeed, took)
	} else {
		checksums := make([]uint64, sharers)
		var done sync.WaitGroup
		done.Add(int(sharers))
		for s := uint64(0); s < sharers; s++ {
			go func(s uint64) {
				checksums[s] = bigTurnsOf(d, b.n, bigSeed+s, took[s*turns:(s+1)*turns])
				done.Done()
			}(s)
		}
		done.Wait()
		for _, c := range checksums {
			b.checksum += c
		}
	}
	for _, t := range took {
		b.took += time.Duration(t)
	}
	b.tell("at_p99", float64(sorted(took)[b.ops*99/100]), "ns")
}
