//go:build !go1.26 && !goexperiment.swissmap

package main

import (
	"fmt"
	"unsafe"
)

// Maps of buckets: runtime/map.go, up to Go 1.23, and later ones built with GOEXPERIMENT=noswissmap.

const mapLayoutHere = layoutClassic

type mapHeader struct {
	count        int
	flags, b     uint8
	noverflow    uint16
	hash0        uint32
	buckets, old unsafe.Pointer
	nevacuate    uintptr
	extra        unsafe.Pointer
}

const (
	mapSameSize = 8 // of flags
	mapBMax     = 40
)

func mapLook(m unsafe.Pointer) mapFigures {
	h := (*mapHeader)(m)
	f := mapFigures{count: uint64(h.count), b: uint64(h.b), overflow: uint64(h.noverflow)}
	if h.old != nil {
		f.growing, f.sameSize = true, h.flags&mapSameSize != 0
		f.old = 1 << (h.b & 63)
		if !f.sameSize {
			f.old /= 2
		}
		f.evacuated = uint64(h.nevacuate)
	}
	return f
}

func mapSizeOf(f mapFigures) mapSize {
	return mapSize{b: uint32(f.b), loadMilli: f.count * 1000 >> (f.b & 63), growths: f.b}
}

// ------------------------------------------------------------------- the check: every cell of a map of words

// mapBucket is a bucket of map[uint64]uint64.
type mapBucket struct {
	tophash   [8]uint8
	key, elem [8]uint64
	overflow  unsafe.Pointer
}

const (
	topEvacuatedFirst = 2 // X, Y, and empty
	topEvacuatedLast  = 4
	topLive           = 5
	mapChainMax       = mapCheckEntries
)

type mapWalk struct {
	m              map[uint64]uint64
	live, overflow uint64
}

func (b *mapBucket) evacuated() bool {
	return b.tophash[0] >= topEvacuatedFirst && b.tophash[0] <= topEvacuatedLast
}

func bucketAt(array unsafe.Pointer, i uint64) *mapBucket {
	return (*mapBucket)(unsafe.Add(array, uintptr(i)*unsafe.Sizeof(mapBucket{})))
}

// chain counts what is live in a bucket and behind it.
func (w *mapWalk) chain(b *mapBucket) error {
	for n := 0; b != nil; n++ {
		if n > mapChainMax {
			return fmt.Errorf("a chain without an end")
		}
		for i, top := range b.tophash {
			if top < topLive {
				continue
			}
			w.live++
			if elem, there := w.m[b.key[i]]; !there || elem != b.elem[i] {
				return fmt.Errorf("a cell that is not the map's")
			}
		}
		if n > 0 {
			w.overflow++
		}
		b = (*mapBucket)(b.overflow)
	}
	return nil
}

const (
	mapChurnEntries = 100 // near to the most that 16 buckets take: deleted and inserted again and again, they leave overflow buckets behind
	mapChurnMax     = 1000000
)

// mapCheckMore makes a map grow into as many buckets as it has, and sees whether its flag tells that from a doubling.
func mapCheckMore() error {
	m := make(map[uint64]uint64)
	before := mapFigures{}
	for i := 0; i < mapChurnMax; i++ {
		m[mapCheckKey(i)] = ^mapCheckKey(i)
		if i >= mapChurnEntries {
			delete(m, mapCheckKey(i-mapChurnEntries))
		}
		f := mapLook(mapPointer(m))
		if begins := f.growing && !before.growing; begins && f.sameSize != (f.b == before.b) {
			return fmt.Errorf("the flag of a growth from b %d to %d is wrong", before.b, f.b)
		} else if begins && f.sameSize {
			return mapCheckWalk(mapPointer(m), m)
		}
		before = f
	}
	return fmt.Errorf("no map grows into as many buckets as it has")
}

func mapCheckWalk(at unsafe.Pointer, m map[uint64]uint64) error {
	f, h := mapLook(at), (*mapHeader)(at)
	if h.buckets == nil || f.b > mapBMax || f.evacuated > f.old {
		return fmt.Errorf("b is %d, and %d of %d buckets are evacuated", f.b, f.evacuated, f.old)
	}
	w := mapWalk{m: m}
	for i := uint64(0); i < 1<<f.b; i++ {
		if err := w.chain(bucketAt(h.buckets, i)); err != nil {
			return err
		}
	}
	if w.overflow != f.overflow {
		return fmt.Errorf("%d overflow buckets, not %d", w.overflow, f.overflow)
	}
	for i := uint64(0); i < f.old; i++ {
		b := bucketAt(h.old, i)
		if b.evacuated() {
			continue
		}
		if i < f.evacuated {
			return fmt.Errorf("bucket %d of %d is not evacuated", i, f.evacuated)
		}
		if err := w.chain(b); err != nil {
			return err
		}
	}
	if w.live != f.count {
		return fmt.Errorf("%d live cells", w.live)
	}
	return nil
}
