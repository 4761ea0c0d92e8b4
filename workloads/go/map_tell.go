package main

import (
	"sync/atomic"
	"unsafe"
)

// What a worker tells of the map that it works on: struct watch_map of runtime/watch/telemetry.h, each mapTellNS at most, as its header says it
// (map_look.go). Nothing where that is laid out in another way. How many bytes it has is not told: its type would have to be known.

const mapTellNS = 10000000

// mapped is a unit that has one map at hand.
type mapped interface{ mapAt() unsafe.Pointer }

// mapTeller is the worker's. Growths: those of the map at hand follow from its size (mapGrowths); of maps that were renewed since they were
// last looked at what came after that look is not counted. A growth to as many buckets is seen only if a look falls into it.
type mapTeller struct {
	to             *watchMap
	unit           mapped
	dueNS          int64
	at             uintptr
	last           mapFigures
	grown, regrown uint64 // grown: of the maps before
}

// mapTellerOf: nil when there is nothing to tell.
func mapTellerOf(to *watchMap, u operator) *mapTeller {
	if unit, has := u.(mapped); has && mapCheckedHere.done && mapCheckedHere.err == nil {
		return &mapTeller{to: to, unit: unit}
	}
	return nil
}

func (t *mapTeller) tell(nowNS int64) {
	if t == nil || nowNS < t.dueNS {
		return
	}
	t.dueNS = nowNS + mapTellNS
	m := t.unit.mapAt()
	f := mapLook(m)
	t.follow(uintptr(m), f)
	w, size := t.to, mapSizeOf(f)
	growing := uint32(0)
	if f.growing {
		growing = 1
		if f.sameSize {
			growing = 2
		}
	}
	atomic.StoreUint64(&w.count, f.count)
	atomic.StoreUint32(&w.b, size.b)
	atomic.StoreUint64(&w.overflow, f.overflow)
	atomic.StoreUint64(&w.loadMilli, size.loadMilli)
	atomic.StoreUint32(&w.growing, growing)
	atomic.StoreUint64(&w.oldBuckets, f.old)
	atomic.StoreUint64(&w.evacuated, f.evacuated)
	atomic.StoreUint64(&w.grown, t.grown+size.growths)
	atomic.StoreUint64(&w.regrown, t.regrown)
	atomic.StoreUint32(&w.kind, uint32(mapLayoutHere)) // enum watch_map_kind has the same numbers
}

// follow counts what has begun since the last look.
func (t *mapTeller) follow(at uintptr, f mapFigures) {
	another := at != t.at || mapSizeOf(f).growths < mapSizeOf(t.last).growths
	if another && t.at != 0 {
		t.grown += mapSizeOf(t.last).growths
	}
	if f.growing && f.sameSize && (another || !t.last.growing || !t.last.sameSize || f.evacuated < t.last.evacuated) {
		t.regrown++
	}
	t.at, t.last = at, f
}

// mapSize: b is log2 of its buckets (Swiss: groups); growths: how often it has grown to get there, from nothing.
type mapSize struct {
	b                  uint32
	loadMilli, growths uint64
}
