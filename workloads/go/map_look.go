package main

import (
	"fmt"
	"runtime"
	"runtime/debug"
	"unsafe"
)

// A look into a map of Go's, by its layout: map_classic.go up to Go 1.23, map_swiss.go from 1.24 on. Nobody promises that layout. So before
// anything is told, maps of known content are made, filled and emptied, and everything that can be counted in them is compared with what
// their headers say; where that does not agree, nothing is known but the count.
//
// Only for the goroutine that works on the map: then no field moves meanwhile.

type mapFigures struct {
	count uint64
	// classic: 2^b buckets; old ones, of which the first `evacuated` are empty
	b, overflow, evacuated, old uint64
	growing, sameSize           bool
	// Swiss: 2^depth entries in the directory; growthLeft: of the table with least
	depth, tables, slots, tombstones, growthLeft uint64
}

type mapLayout int

const (
	layoutAny mapLayout = iota
	layoutClassic
	layoutSwiss
)

// mapState is a state of faults/states.def: thousandths of a count; 0 or 1.
type mapState struct {
	name   string
	layout mapLayout
	value  func(mapFigures) int64
}

func counted(of func(mapFigures) uint64) func(mapFigures) int64 {
	return func(f mapFigures) int64 { return milliTimes(int64(of(f)), conditionMilli*conditionMilli) }
}

var mapStates = []mapState{
	{"map.count", layoutAny, counted(func(f mapFigures) uint64 { return f.count })},
	{"map.growing", layoutClassic, func(f mapFigures) int64 { return truth(f.growing) }},
	{"map.same_size", layoutClassic, func(f mapFigures) int64 { return truth(f.growing && f.sameSize) }},
	{"map.b", layoutClassic, counted(func(f mapFigures) uint64 { return f.b })},
	{"map.overflow", layoutClassic, counted(func(f mapFigures) uint64 { return f.overflow })},
	{"map.depth", layoutSwiss, counted(func(f mapFigures) uint64 { return f.depth })},
	{"map.tables", layoutSwiss, counted(func(f mapFigures) uint64 { return f.tables })},
	{"map.slots", layoutSwiss, counted(func(f mapFigures) uint64 { return f.slots })},
	{"map.tombstones", layoutSwiss, counted(func(f mapFigures) uint64 { return f.tombstones })},
	{"map.growth_left", layoutSwiss, counted(func(f mapFigures) uint64 { return f.growthLeft })},
}

// mapStateFind: an error when it is not known of this Go.
func mapStateFind(name string) (*mapState, error) {
	for i := range mapStates {
		s := &mapStates[i]
		switch {
		case s.name != name:
			continue
		case s.layout == layoutClassic && mapLayoutHere == layoutSwiss:
			return nil, fmt.Errorf("%s is not known of %s: its maps have tables, and no buckets that are evacuated (map.growth_left)",
				name, runtime.Version())
		case s.layout == layoutSwiss && mapLayoutHere == layoutClassic:
			return nil, fmt.Errorf("%s is not known of %s: its maps have buckets (map.b, map.growing)", name, runtime.Version())
		case s.layout != layoutAny && mapCheck() != nil:
			return nil, fmt.Errorf("%s is not known of %s: its maps are laid out in another way (%v)", name, runtime.Version(), mapCheck())
		}
		return s, nil
	}
	return nil, fmt.Errorf("'%s' cannot be told of a Go program", name)
}

// mapPointer is the header, which a map is a pointer to.
func mapPointer[K comparable, V any](m map[K]V) unsafe.Pointer {
	return *(*unsafe.Pointer)(unsafe.Pointer(&m))
}

// ------------------------------------------------------------------- the check

const (
	mapCheckEntries = 4000
	mapCheckSmall   = 64 // up to here each, from there on one in mapCheckEvery
	mapCheckEvery   = 37
)

type mapChecked struct {
	done bool
	err  error
}

var mapCheckedHere mapChecked

// mapCheck: nil when what headers say agrees with what is in the maps. For one goroutine: plans are loaded by one.
func mapCheck() error {
	if !mapCheckedHere.done {
		mapCheckedHere = mapChecked{true, mapCheckRun()}
	}
	return mapCheckedHere.err
}

// A field that is no pointer may be followed: a fault at an address is an error like another.
func mapCheckRun() (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if what := recover(); what != nil {
			err = fmt.Errorf("%v", what)
		}
	}()
	m := make(map[uint64]uint64)
	for i := 0; i < mapCheckEntries; i++ {
		m[mapCheckKey(i)] = ^mapCheckKey(i)
		if err := mapCheckAt(m, i); err != nil {
			return err
		}
	}
	for i := 0; i < mapCheckEntries; i++ {
		if i%5 == 0 {
			continue
		}
		delete(m, mapCheckKey(i))
		if err := mapCheckAt(m, i); err != nil {
			return err
		}
	}
	for i := mapCheckEntries; i < mapCheckEntries+mapCheckEntries/4; i++ { // into what the others left
		m[mapCheckKey(i)] = ^mapCheckKey(i)
		if err := mapCheckAt(m, i); err != nil {
			return err
		}
	}
	return mapCheckMore()
}

func mapCheckKey(i int) uint64 { return uint64(i+1) * golden }

func mapCheckAt(m map[uint64]uint64, i int) error {
	if i > mapCheckSmall && i%mapCheckEvery != 0 {
		return nil
	}
	at := mapPointer(m)
	if f := mapLook(at); f.count != uint64(len(m)) {
		return fmt.Errorf("the count of %d entries reads %d", len(m), f.count)
	}
	if err := mapCheckWalk(at, m); err != nil {
		return fmt.Errorf("%v, of %d entries", err, len(m))
	}
	runtime.KeepAlive(m)
	return nil
}

// mapsMain: a line for what can be known; then, of a map that gets N entries, what its header says after each.
func mapsMain(n int) {
	fmt.Printf("layout %d", mapLayoutHere)
	if err := mapCheck(); err != nil {
		fmt.Printf(" not known: %v\n", err)
		return
	}
	fmt.Println(" known")
	m := make(map[uint64]uint64)
	for i := 0; i < n; i++ {
		m[mapCheckKey(i)] = 0
		f := mapLook(mapPointer(m))
		if mapLayoutHere == layoutClassic {
			fmt.Println(f.count, f.b)
		} else {
			fmt.Println(f.count, f.depth, f.tables, f.slots, f.growthLeft)
		}
	}
}
