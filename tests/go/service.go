// service.go: a small service-like program whose gctrace log tests import: a live set that is held, grows and shrinks, and garbage at
// a steady rate.
//
//	GODEBUG=gctrace=1 go run service.go -for 8s 2> service.log
//
// Go 1.5 and later; no modules.
package main

import (
	"flag"
	"fmt"
	"runtime"
	"time"
)

const chunk = 4 << 10

type object struct {
	next *object
	data [chunk - 64]byte
}

func main() {
	live := flag.Int("live", 24, "MiB held at the start")
	swing := flag.Int("swing", 16, "MiB that it grows by in the middle third")
	rate := flag.Int("rate", 48, "MiB allocated a second")
	length := flag.Duration("for", 8*time.Second, "how long")
	force := flag.Bool("force", true, "one runtime.GC() in the last third")
	flag.Parse()

	var held []*object
	start := time.Now()
	allocated := 0
	forced := !*force
	for {
		at := time.Since(start)
		if at >= *length {
			break
		}
		want := *live << 20
		if at > *length/3 && at < *length*2/3 {
			want += *swing << 20
		}
		for due := int(float64(*rate<<20) * at.Seconds()); allocated < due; allocated += chunk {
			o := new(object)
			o.data[0] = byte(allocated)
			if len(held)*chunk < want {
				held = append(held, o)
			} else {
				held[(allocated/chunk)%len(held)] = o
			}
		}
		for len(held)*chunk > want+chunk {
			held[len(held)-1] = nil
			held = held[:len(held)-1]
		}
		if !forced && at > *length*5/6 {
			runtime.GC()
			forced = true
		}
		time.Sleep(2 * time.Millisecond)
	}
	fmt.Println(len(held))
}
