// append.go: which capacities append gives. Built with the types.go that `checkgo types` prints.
//
// Reads questions, a line each, and answers each with a line of numbers:
//
//	s SIZE POINTERS LEN CAP  a new slice of elements of SIZE bytes, full of pointers or without any  -> its cap
//	a N                      append N elements to it                                                -> len cap
//	g N                      the same to all of its capacity, so that it grows                      -> len cap
//	x TYPE N                 a nil slice of a type written out below, grown N times                  -> cap
//
// Every append is compiled code (reflect.Append had a rule of its own before Go 1.20), and every slice lives in the heap: Go 1.26 may
// begin others in a buffer on the stack, by another rule.
package main

import (
	"bufio"
	"fmt"
	"os"
)

type slice interface {
	append(n int)
	grow(n int)
	size() (int, int)
}

type typed[T any] struct{ s []T }

func newTyped[T any](len, cap int) slice { return &typed[T]{make([]T, len, cap)} }

func (t *typed[T]) append(n int) {
	if n == 1 {
		var one T
		t.s = append(t.s, one)
		return
	}
	t.s = append(t.s, make([]T, n)...)
}

func (t *typed[T]) grow(n int) {
	t.s = t.s[:cap(t.s)]
	t.append(n)
}

func (t *typed[T]) size() (int, int) { return len(t.s), cap(t.s) }

// One of each kind of type with code of its own, no type parameter in it.
var (
	sinkBytes   []byte
	sinkInt32s  []int32
	sinkPtrs    []*int
	sinkStrings []string
	sinkAnys    []interface{}
	sinkTriples [][3]uint64
	sinkSlices  [][]byte
)

func static(kind, n int) int {
	sinkBytes, sinkInt32s, sinkPtrs, sinkStrings, sinkAnys, sinkTriples, sinkSlices = nil, nil, nil, nil, nil, nil, nil
	for ; n > 0; n-- {
		switch kind {
		case 0:
			sinkBytes = append(sinkBytes[:cap(sinkBytes)], 0)
		case 1:
			sinkInt32s = append(sinkInt32s[:cap(sinkInt32s)], 0)
		case 2:
			sinkPtrs = append(sinkPtrs[:cap(sinkPtrs)], nil)
		case 3:
			sinkStrings = append(sinkStrings[:cap(sinkStrings)], "")
		case 4:
			sinkAnys = append(sinkAnys[:cap(sinkAnys)], nil)
		case 5:
			sinkTriples = append(sinkTriples[:cap(sinkTriples)], [3]uint64{})
		case 6:
			sinkSlices = append(sinkSlices[:cap(sinkSlices)], nil)
		}
	}
	return cap(sinkBytes) + cap(sinkInt32s) + cap(sinkPtrs) + cap(sinkStrings) + cap(sinkAnys) + cap(sinkTriples) + cap(sinkSlices)
}

func main() {
	in, out := bufio.NewReader(os.Stdin), bufio.NewWriter(os.Stdout)
	var s slice
	var kind string
	var v [4]int
	for {
		if _, err := fmt.Fscan(in, &kind, &v[0], &v[1], &v[2], &v[3]); err != nil {
			break
		}
		switch kind {
		case "s":
			s = types[[2]int{v[0], v[1]}](v[2], v[3])
			_, c := s.size()
			fmt.Fprintln(out, c)
			continue
		case "x":
			fmt.Fprintln(out, static(v[0], v[1]))
			continue
		case "a":
			s.append(v[0])
		case "g":
			s.grow(v[0])
		}
		l, c := s.size()
		fmt.Fprintln(out, l, c)
	}
	out.Flush()
}
