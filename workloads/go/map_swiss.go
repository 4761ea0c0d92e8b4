//go:build go1.26 || goexperiment.swissmap

package main

import (
	"fmt"
	"math/bits"
	"unsafe"
)

// Maps of tables: internal/runtime/maps (map.go, table.go, group.go), from Go 1.24 on.

const mapLayoutHere = layoutSwiss

type mapHeader struct {
	used   uint64
	seed   uintptr
	dir    unsafe.Pointer // of pointers to tables; of a small map the one group
	dirLen int            // 0: it is small
	depth  uint8
}

type mapTable struct {
	used, capacity, growthLeft uint16
	localDepth                 uint8
	index                      int
	groups                     unsafe.Pointer
	lengthMask                 uint64
}

const (
	groupSlots  = 8
	mapDepthMax = 40
)

// tableAt: of an entry of the directory; several in a row may be the same table.
func (h *mapHeader) tableAt(i int) *mapTable {
	return *(**mapTable)(unsafe.Add(h.dir, uintptr(i)*unsafe.Sizeof(h.dir)))
}

// entriesOf is at least 1, whatever is read.
func (h *mapHeader) entriesOf(t *mapTable) int {
	if t.localDepth > h.depth || h.depth > mapDepthMax {
		return 1
	}
	return 1 << (h.depth - t.localDepth)
}

// limit: entries and tombstones that it has at most (maxGrowthLeft).
func (t *mapTable) limit() uint64 {
	if t.capacity <= groupSlots {
		return uint64(t.capacity) - 1
	}
	return uint64(t.capacity) * 7 / 8
}

func (t *mapTable) tombstones() uint64 {
	if taken := uint64(t.used) + uint64(t.growthLeft); taken < t.limit() {
		return t.limit() - taken
	}
	return 0
}

func mapLook(m unsafe.Pointer) mapFigures {
	h := (*mapHeader)(m)
	f := mapFigures{count: h.used, depth: uint64(h.depth)}
	if h.dirLen == 0 {
		if f.growthLeft = groupSlots - h.used; h.dir != nil {
			f.slots = groupSlots
		}
		return f
	}
	f.growthLeft = ^uint64(0)
	for i := 0; i < h.dirLen; {
		t := h.tableAt(i)
		f.tables++
		f.slots += uint64(t.capacity)
		f.tombstones += t.tombstones()
		if left := uint64(t.growthLeft); left < f.growthLeft {
			f.growthLeft = left
		}
		i += h.entriesOf(t)
	}
	return f
}

const (
	tableSlotsMax = 1024 // then it splits into two as large (maxTableCapacity)
	tableDoubles  = 7    // from one group to there
)

func mapSizeOf(f mapFigures) mapSize {
	if f.slots < groupSlots {
		return mapSize{}
	}
	s := mapSize{b: uint32(bits.Len64(f.slots/groupSlots) - 1), loadMilli: f.count * 1000 * groupSlots / f.slots}
	if s.growths = uint64(s.b); f.tables > 1 {
		s.growths = tableDoubles + f.tables - 1
	}
	return s
}

// ------------------------------------------------------------------- the check: every control byte of a map of words

const (
	ctrlDeleted  = 0xfe
	ctrlFullMask = 0x80               // clear in one of a full slot
	groupBytes   = 8 + groupSlots*2*8 // of map[uint64]uint64: control bytes, slots
)

func ctrlCount(groups unsafe.Pointer, n uint64) (full, deleted uint64) {
	for i := uint64(0); i < n; i++ {
		ctrl := (*[groupSlots]uint8)(unsafe.Add(groups, uintptr(i)*groupBytes))
		for _, c := range ctrl {
			if c&ctrlFullMask == 0 {
				full++
			} else if c == ctrlDeleted {
				deleted++
			}
		}
	}
	return full, deleted
}

func (t *mapTable) check(index int, depth uint8) error {
	slots := (t.lengthMask + 1) * groupSlots
	if t.index != index || t.localDepth > depth || uint64(t.capacity) != slots || slots&(slots-1) != 0 || uint64(t.used)+uint64(t.growthLeft) > t.limit() {
		return fmt.Errorf("a table with index %d, depth %d, %d slots, %d used and %d left", t.index, t.localDepth, t.capacity, t.used, t.growthLeft)
	}
	if full, deleted := ctrlCount(t.groups, t.lengthMask+1); full != uint64(t.used) || deleted != t.tombstones() {
		return fmt.Errorf("%d full slots and %d tombstones, not %d and %d", full, deleted, t.used, t.tombstones())
	}
	return nil
}

func mapCheckMore() error { return nil }

func mapCheckWalk(at unsafe.Pointer, m map[uint64]uint64) error {
	h := (*mapHeader)(at)
	if h.dirLen == 0 {
		if full, deleted := ctrlCount(h.dir, 1); full != h.used || deleted != 0 {
			return fmt.Errorf("%d full slots and %d tombstones in a small map", full, deleted)
		}
		return nil
	}
	if h.depth > mapDepthMax || h.dirLen != 1<<h.depth {
		return fmt.Errorf("a directory of %d, depth %d", h.dirLen, h.depth)
	}
	used := uint64(0)
	for i := 0; i < h.dirLen; {
		t := h.tableAt(i)
		if err := t.check(i, h.depth); err != nil {
			return err
		}
		used += uint64(t.used)
		i += h.entriesOf(t)
	}
	if used != h.used {
		return fmt.Errorf("%d entries in the tables", used)
	}
	return nil
}
