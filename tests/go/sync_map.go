// sync_map.go: a sync.Map, step by step. Up to Go 1.23 its insides are read by hand (read, dirty, misses); from 1.24 on it is a hash trie, and
// the results alone are told.
//
//	l KEY        Load            -> value (0: none) 0
//	s KEY VALUE  Store           -> 0 0
//	o KEY VALUE  LoadOrStore     -> actual loaded
//	x KEY        LoadAndDelete   -> value loaded
//	d KEY        Delete          -> 0 0
//	r N          Range, ended after N calls (0: never) -> calls, and of all keys: the sum of key * value (ended early: 0)
//
// Each answer goes on, up to 1.23, with: amended misses len(read) len(dirty); entries of read that are nil, and that are expunged.
package main

import (
	"bufio"
	"fmt"
	"os"
	"reflect"
	"sync"
	"unsafe"
)

type entry struct{ p unsafe.Pointer }

type readOnly struct {
	m       map[any]*entry
	amended bool
}

// insides knows where the fields of a sync.Map of two maps are.
type insides struct {
	read, dirty, misses uintptr
	boxed               bool // read is an atomic.Value (to 1.18, 1.19), whose second word points to the readOnly
	expunged            unsafe.Pointer
}

func (in *insides) readOf(m *sync.Map) (r readOnly) {
	at := unsafe.Add(unsafe.Pointer(m), in.read)
	if in.boxed {
		at = unsafe.Add(at, unsafe.Sizeof(uintptr(0)))
	}
	if p := *(**readOnly)(at); p != nil {
		r = *p
	}
	return
}

func (in *insides) dirtyOf(m *sync.Map) map[any]*entry {
	return *(*map[any]*entry)(unsafe.Add(unsafe.Pointer(m), in.dirty))
}

func look() *insides {
	t := reflect.TypeOf(sync.Map{})
	read, ok1 := t.FieldByName("read")
	dirty, ok2 := t.FieldByName("dirty")
	misses, ok3 := t.FieldByName("misses")
	if !ok1 || !ok2 || !ok3 {
		return nil
	}
	in := &insides{read: read.Offset, dirty: dirty.Offset, misses: misses.Offset, boxed: read.Type.Size() == 2*unsafe.Sizeof(uintptr(0))}
	// A deleted key, when the next dirty map is made, is expunged.
	var m sync.Map
	m.Store(1, 1)
	m.Range(func(any, any) bool { return true })
	m.Delete(1)
	m.Store(2, 2)
	in.expunged = in.readOf(&m).m[1].p
	if in.expunged == nil {
		panic("the mark of an expunged entry has not been found")
	}
	return in
}

func (in *insides) tell(m *sync.Map) (a [6]uint64) {
	r := in.readOf(m)
	if r.amended {
		a[0] = 1
	}
	a[1] = uint64(*(*int)(unsafe.Add(unsafe.Pointer(m), in.misses)))
	a[2], a[3] = uint64(len(r.m)), uint64(len(in.dirtyOf(m)))
	for _, e := range r.m {
		switch e.p {
		case nil:
			a[4]++
		case in.expunged:
			a[5]++
		}
	}
	return
}

func number(v any, ok bool) (uint64, uint64) {
	if !ok {
		return 0, 0
	}
	return v.(uint64), 1
}

func each(m *sync.Map, n uint64) (calls, sum uint64) {
	m.Range(func(k, v any) bool {
		calls++
		sum += k.(uint64) * v.(uint64)
		return calls != n
	})
	if calls == n {
		sum = 0
	}
	return
}

func main() {
	in, out := bufio.NewReader(os.Stdin), bufio.NewWriter(os.Stdout)
	inner := look()
	var m sync.Map
	var kind string
	var v [4]uint64
	for {
		if _, err := fmt.Fscan(in, &kind, &v[0], &v[1], &v[2], &v[3]); err != nil {
			break
		}
		var a, b uint64
		switch kind {
		case "l":
			a, _ = number(m.Load(v[0]))
		case "s":
			m.Store(v[0], v[1])
		case "o":
			actual, loaded := m.LoadOrStore(v[0], v[1])
			a = actual.(uint64)
			if loaded {
				b = 1
			}
		case "x":
			a, b = number(m.LoadAndDelete(v[0]))
		case "d":
			m.Delete(v[0])
		case "r":
			a, b = each(&m, v[0])
		}
		fmt.Fprint(out, a, b)
		if inner != nil {
			for _, n := range inner.tell(&m) {
				fmt.Fprint(out, " ", n)
			}
		}
		fmt.Fprintln(out)
	}
	out.Flush()
}
