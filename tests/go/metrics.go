// metrics.go: what runtime/metrics has. Questions and answers as in append.go; a metric is named by the FNV-1a hash of its name, 64 bits:
//
//	d HASH    -> kind (1 uint64, 2 float64, 3 histogram), cumulative; 0 0: there is no such metric
//	b HASH I  -> buckets of the histogram; bits of the float64 that is bound I
package main

import (
	"bufio"
	"fmt"
	"hash/fnv"
	"math"
	"os"
	"runtime"
	"runtime/metrics"
)

func main() {
	runtime.GC()
	known := map[uint64]metrics.Description{}
	bounds := map[uint64][]float64{}
	for _, d := range metrics.All() {
		h := fnv.New64a()
		h.Write([]byte(d.Name))
		known[h.Sum64()] = d
		if d.Kind == metrics.KindFloat64Histogram {
			s := []metrics.Sample{{Name: d.Name}}
			metrics.Read(s)
			bounds[h.Sum64()] = s[0].Value.Float64Histogram().Buckets
		}
	}
	in, out := bufio.NewReader(os.Stdin), bufio.NewWriter(os.Stdout)
	var kind string
	var v [4]uint64
	for {
		if _, err := fmt.Fscan(in, &kind, &v[0], &v[1], &v[2], &v[3]); err != nil {
			break
		}
		switch d, ok := known[v[0]]; {
		case kind == "d" && ok:
			cumulative := 0
			if d.Cumulative {
				cumulative = 1
			}
			fmt.Fprintln(out, uint64(d.Kind), cumulative)
		case kind == "b" && v[1] < uint64(len(bounds[v[0]])):
			fmt.Fprintln(out, len(bounds[v[0]])-1, math.Float64bits(bounds[v[0]][v[1]]))
		default:
			fmt.Fprintln(out, 0, 0)
		}
	}
	out.Flush()
}
