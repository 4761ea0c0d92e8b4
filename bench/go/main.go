// The operations of the bench in plain Go: the same names, sizes, keys, order and checksums as the op_*.c beside it, and the same output
// lines: name, value, unit, note.
package main

import (
	"fmt"
	"os"
	"runtime"
	"sort"
	"strconv"
	"time"
)

// An operation runs once. n: entries, bytes, trees: what it makes of it. ops is what its time is divided by, 0 when it only tells figures
// of its own. cycles: of the collector.
type operation struct {
	n, ops, cycles uint64
	procs          int
	run            func(b *bench)
}

type figure struct {
	name  string
	value float64
	unit  string
}

// n, ops and cycles are the operation's; with BENCH_DIVIDE=K in the environment a Kth of them, at least 1.
type bench struct {
	name           string
	n, ops, cycles uint64
	took           time.Duration
	checksum       uint64
	figures        []figure
}

// traceBegins is bench_trace_begins of bench.h.
func traceBegins() {
	fmt.Fprintln(os.Stderr, "bench: trace begins")
}

func (b *bench) tell(suffix string, value float64, unit string) {
	b.figures = append(b.figures, figure{b.name + "." + suffix, value, unit})
}

var operations = map[string]operation{}

func register(more map[string]operation) {
	for name, op := range more {
		operations[name] = op
	}
}

func mix(z uint64) uint64 {
	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9
	z = (z ^ (z >> 27)) * 0x94d049bb133111eb
	return z ^ (z >> 31)
}

// next and key are bench_next and bench_key of bench.h.
func next(state *uint64) uint64 {
	*state += 0x9e3779b97f4a7c15
	return mix(*state)
}

func key(i uint64) uint64 {
	return mix(i + 1)
}

func sorted(took []uint32) []uint32 {
	sort.Slice(took, func(i, j int) bool { return took[i] < took[j] })
	return took
}

func divided(count uint64) uint64 {
	by, err := strconv.ParseUint(os.Getenv("BENCH_DIVIDE"), 10, 64)
	if err != nil || by <= 1 || count == 0 {
		return count
	}
	if count > by {
		return count / by
	}
	return 1
}

func measure(name string, op operation) {
	if op.procs != 0 {
		runtime.GOMAXPROCS(op.procs)
	}
	b := &bench{name: name, n: divided(op.n), ops: divided(op.ops), cycles: divided(op.cycles)}
	op.run(b)
	if b.ops != 0 {
		fmt.Printf("%s\t%.3f\tns\tchecksum %d\n", name, float64(b.took.Nanoseconds())/float64(b.ops), b.checksum)
	}
	for _, f := range b.figures {
		fmt.Printf("%s\t%.3f\t%s\tchecksum %d\n", f.name, f.value, f.unit, b.checksum)
	}
}

func main() {
	if len(os.Args) == 2 && os.Args[1] == "version" {
		fmt.Println(runtime.Version())
		return
	}
	if len(os.Args) == 2 && os.Args[1] == "list" {
		for name := range operations {
			fmt.Println(name)
		}
		return
	}
	if len(os.Args) == 3 && os.Args[1] == "op" {
		if op, ok := operations[os.Args[2]]; ok {
			measure(os.Args[2], op)
			return
		}
	}
	fmt.Fprintln(os.Stderr, "usage: bench-go list | op NAME | version")
	os.Exit(2)
}
