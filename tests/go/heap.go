// heap.go: a heap whose live bytes, allocation and GOGC are known, for logs that are imported:
//
//	GOMAXPROCS=2 GODEBUG=gctrace=1 ./heap MODE 2>LOG
//
// The logs in tests/logs/MODE-goVERSION.log were made so (limit with GOMEMLIMIT=90MiB).
//
//	steady   40 MiB stay, 60 MiB a second come and go
//	growing  from 5 MiB to 60 MiB at 20 MiB a second
//	forced   20 MiB stay, runtime.GC after every 50 MiB, little beside it
//	tiny     less than 1 MiB stays: the heap is at its minimum
//	change   GOGC goes from 100 to 50 in the middle
//	limit    from 20 MiB to 60 MiB: GOGC=100 would take more than the memory limit in the end
//	off      GOGC=off, runtime.GC three times
package main

import (
	"os"
	"runtime"
	"runtime/debug"
	"time"
)

const block = 4 << 10

type keep struct {
	blocks [][]byte
	next   int
}

// hold keeps `bytes` of blocks, replacing the oldest.
func (k *keep) hold(bytes int) {
	b := make([]byte, block)
	if len(k.blocks) < bytes/block {
		k.blocks = append(k.blocks, b)
		return
	}
	k.blocks[k.next%len(k.blocks)] = b
	k.next++
}

var garbage []byte

// run allocates rate bytes a second; live(share of the time gone) of them stay.
func run(d time.Duration, rate float64, live func(share float64) int) {
	var k keep
	start, done := time.Now(), 0.0
	for now := start; now.Sub(start) < d; now = time.Now() {
		for ; done < now.Sub(start).Seconds()*rate; done += block {
			bytes := live(now.Sub(start).Seconds() / d.Seconds())
			if len(k.blocks) < bytes/block {
				k.hold(bytes)
			} else {
				garbage = make([]byte, block)
			}
		}
		time.Sleep(time.Millisecond)
	}
	runtime.KeepAlive(&k)
}

func constant(bytes int) func(float64) int { return func(float64) int { return bytes } }

func main() {
	const s = time.Second
	switch os.Args[1] {
	case "steady":
		run(15*s, 60<<20, constant(40<<20))
	case "growing":
		run(10*s, 20<<20, func(share float64) int { return 5<<20 + int(share*(55<<20)) })
	case "forced":
		for i := 0; i < 8; i++ {
			run(s, 30<<20, constant(20<<20))
			runtime.GC()
		}
	case "tiny":
		run(3*s, 40<<20, constant(300<<10))
	case "change":
		run(10*s, 60<<20, func(share float64) int {
			if share > 0.5 {
				debug.SetGCPercent(50)
			}
			return 30 << 20
		})
	case "limit":
		run(10*s, 60<<20, func(share float64) int { return 20<<20 + int(share*(40<<20)) })
	case "off":
		debug.SetGCPercent(-1)
		for i := 0; i < 3; i++ {
			run(s/2, 30<<20, constant(20<<20))
			runtime.GC()
		}
	}
}
