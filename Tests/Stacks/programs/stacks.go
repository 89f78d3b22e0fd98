// Goroutines that sort, allocate, wait and make syscalls. For against-gdb: go build.
package main

import (
	"fmt"
	"os"
	"sort"
	"time"
)

func deep(n int, values []int) int {
	if n == 0 {
		file, _ := os.Open("/dev/zero")
		buffer := make([]byte, 1<<20)
		for {
			file.Read(buffer)
			sort.Slice(values, func(a, b int) bool { return values[a] > values[b] })
		}
	}
	return deep(n-1, append(values, n)) + len(values)
}

func main() {
	for i := 0; i < 4; i++ {
		go deep(20, []int{i})
	}
	for {
		time.Sleep(time.Millisecond)
		_ = fmt.Sprintf("%v", map[string]int{"a": 1})
	}
}
