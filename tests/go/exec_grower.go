// exec_grower.go: a heap that grows by 20 MiB at a time, for tests/integration/exec.sh: each maps so much of an arena, in one call of mmap.
package main

import "time"

var small, large [][]byte

func main() {
	for i := 1; ; i++ {
		small = append(small, make([]byte, 256<<10))
		if len(small) > 16 {
			small = small[1:]
		}
		if i%20 == 0 {
			large = append(large, make([]byte, 20<<20))
		}
		time.Sleep(10 * time.Millisecond)
	}
}
