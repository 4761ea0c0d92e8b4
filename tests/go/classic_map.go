// classic_map.go: what a map does, seen through its header. For Go up to 1.23, whose maps are those of runtime/map.go (hmap); it reads
// memory by hand. Questions and answers as in append.go:
//
//	m K S P H  a new map[K]V with hint H, K a key's bytes (4, 8), V of S bytes, with pointers if P is 1
//	i KEY      m[KEY] = zero value
//	d KEY      delete(m, KEY)
//	c          for k := range m { delete(m, k) }: the compiler makes runtime.mapclear of it
//	             -> each: count B growing same-size overflow evacuated (of a growth under way, else 0)
//	o K B SEED      as many random keys as 2^B buckets may hold            -> B overflow
//	w K B OPS SEED  the same, then OPS times one goes and another comes    -> B growths of the same size that began
package main

import (
	"bufio"
	"fmt"
	"os"
	"unsafe"
)

type hmap struct {
	count      int
	flags      uint8
	b          uint8
	noverflow  uint16
	hash0      uint32
	buckets    unsafe.Pointer
	oldbuckets unsafe.Pointer
	nevacuate  uintptr
	extra      unsafe.Pointer
}

const sameSizeGrow = 8

func (h *hmap) show(out *bufio.Writer) {
	growing, same, evacuated := 0, 0, uintptr(0)
	if h.oldbuckets != nil {
		growing, evacuated = 1, h.nevacuate
		if h.flags&sameSizeGrow != 0 {
			same = 1
		}
	}
	fmt.Fprintln(out, h.count, h.b, growing, same, h.noverflow, evacuated)
}

type anyMap interface {
	insert(key uint64)
	remove(key uint64)
	clear()
	header() *hmap
}

type key interface{ uint32 | uint64 }

type typed[K key, V any] struct{ m map[K]V }

func newTyped[K key, V any](hint int) anyMap { return &typed[K, V]{make(map[K]V, hint)} }

func (t *typed[K, V]) insert(key uint64) { var zero V; t.m[K(key)] = zero }
func (t *typed[K, V]) remove(key uint64) { delete(t.m, K(key)) }
func (t *typed[K, V]) clear() {
	for k := range t.m {
		delete(t.m, k)
	}
}
func (t *typed[K, V]) header() *hmap { return *(**hmap)(unsafe.Pointer(&t.m)) }

func both[V any](size, pointers uint64) {
	types[[3]uint64{4, size, pointers}] = newTyped[uint32, V]
	types[[3]uint64{8, size, pointers}] = newTyped[uint64, V]
}

var types = map[[3]uint64]func(int) anyMap{}

type random uint64

func (r *random) next() uint64 {
	*r += 0x9e3779b97f4a7c15
	z := uint64(*r)
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

// full is a map with as many keys as 2^b buckets may hold.
func full(keyBytes, b uint64, r *random) (anyMap, []uint64) {
	m := types[[3]uint64{keyBytes, 8, 0}](0)
	var keys []uint64
	for h := m.header(); h.count < 13<<b/2; {
		k := r.next()
		n := h.count
		if m.insert(k); h.count > n {
			keys = append(keys, k)
		}
	}
	return m, keys
}

func churn(m anyMap, keys []uint64, ops uint64, r *random) (growths int) {
	h := m.header()
	for i := uint64(0); i < ops; i++ {
		at := r.next() % uint64(len(keys))
		before := h.oldbuckets != nil
		m.remove(keys[at])
		for n := h.count; h.count == n; {
			keys[at] = r.next()
			m.insert(keys[at])
		}
		if !before && h.oldbuckets != nil {
			growths++
		}
	}
	return
}

func main() {
	both[[0]byte](0, 0)
	both[[8]byte](8, 0)
	both[[13]byte](13, 0)
	both[[64]byte](64, 0)
	both[[128]byte](128, 0)
	both[[129]byte](129, 0)
	both[[1024]byte](1024, 0)
	both[[1]*byte](8, 1)
	both[[16]*byte](128, 1)
	both[[17]*byte](136, 1)
	in, out := bufio.NewReader(os.Stdin), bufio.NewWriter(os.Stdout)
	var m anyMap
	var kind string
	var v [4]uint64
	for {
		if _, err := fmt.Fscan(in, &kind, &v[0], &v[1], &v[2], &v[3]); err != nil {
			break
		}
		switch kind {
		case "m":
			m = types[[3]uint64{v[0], v[1], v[2]}](int(v[3]))
		case "i":
			m.insert(v[0])
		case "d":
			m.remove(v[0])
		case "c":
			m.clear()
		case "o":
			r := random(v[2])
			m, _ = full(v[0], v[1], &r)
			h := m.header()
			fmt.Fprintln(out, h.b, h.noverflow)
			continue
		case "w":
			r := random(v[3])
			var keys []uint64
			m, keys = full(v[0], v[1], &r)
			growths := churn(m, keys, v[2], &r)
			fmt.Fprintln(out, m.header().b, growths)
			continue
		}
		m.header().show(out)
	}
	out.Flush()
}
