// Goroutines beside filch: the rows that Go can run, one per process.
//
//	rows                        the names of the rows
//	version                     Go's version
//	row NAME WORKERS SCALE      run one and print its numbers
//	serve echo|http WORKERS     serve until standard input ends
package main

import (
	"fmt"
	"os"
	"runtime"
	"sort"
	"strconv"
	"strings"
	"time"
)

// ctx holds what all rows share.
type ctx struct {
	scale float64
}

// times is how often to do what a full run does full times.
func (c ctx) times(full int) int {
	return max(int(float64(full)*c.scale), 1)
}

// crowd is how many tasks a row has that is about their number.
func (c ctx) crowd(full int) int {
	if c.scale < 0.01 {
		return (full + 99) / 100
	}
	return full
}

// perOp gives nanoseconds per operation of body(n), after a tenth for warming up.
func (c ctx) perOp(full int, body func(n int)) []float64 {
	n := c.times(full)
	body(n/10 + 1)
	start := time.Now()
	body(n)
	return []float64{nanosEach(time.Since(start), n)}
}

func nanosEach(d time.Duration, n int) float64 {
	return float64(d.Nanoseconds()) / float64(n)
}

func max(a, b int) int {
	if a > b {
		return a
	}
	return b
}

// percentile is the q percentile (0 to 1) by rank.
func percentile(all []time.Duration, q float64) time.Duration {
	sort.Slice(all, func(i, j int) bool { return all[i] < all[j] })
	rank := int(float64(len(all)) * q)
	if rank >= len(all) {
		rank = len(all) - 1
	}
	return all[rank]
}

func micros(d time.Duration) float64 {
	return float64(d.Nanoseconds()) / 1000
}

func workers(text string) {
	n, err := strconv.Atoi(text)
	check(err)
	runtime.GOMAXPROCS(n)
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}

func main() {
	args := os.Args[1:]
	switch {
	case len(args) == 1 && args[0] == "rows":
		for name := range rows {
			fmt.Println(name)
		}
	case len(args) == 1 && args[0] == "version":
		fmt.Println(strings.TrimPrefix(runtime.Version(), "go"))
	case len(args) == 4 && args[0] == "row":
		workers(args[2])
		scale, err := strconv.ParseFloat(args[3], 64)
		check(err)
		row, known := rows[args[1]]
		if !known {
			panic("there is no such row")
		}
		for _, number := range row(ctx{scale}) {
			fmt.Print(number, " ")
		}
		fmt.Println()
	case len(args) == 3 && args[0] == "serve":
		workers(args[2])
		serve(args[1])
	default:
		fmt.Fprintln(os.Stderr, "rows | version | row NAME WORKERS SCALE | serve echo|http WORKERS")
		os.Exit(2)
	}
}

// rows by their names in the table.
var rows = map[string]func(ctx) []float64{
	"spawn_join":            spawnJoin,
	"spawn_join_now":        spawnJoinNow,
	"spawn_join_batch100":   spawnJoinBatch,
	"spawn_detach":          spawnDetach,
	"group_1000":            group,
	"cancel_100k":           cancelMany,
	"yield_1_task":          func(c ctx) []float64 { return yields(1, c.times(500_000)) },
	"yield_2_tasks":         func(c ctx) []float64 { return yields(2, c.times(400_000)) },
	"yield_1k_tasks":        func(c ctx) []float64 { return yields(1000, c.times(2000)) },
	"yield_100k_tasks":      func(c ctx) []float64 { return yields(c.crowd(100_000), max(c.times(20), 5)) },
	"pingpong_oneshot":      func(c ctx) []float64 { return pingpongOneshot(c, 200_000, 1) },
	"pingpong_64pairs":      func(c ctx) []float64 { return pingpongOneshot(c, 640_000, 64) },
	"chained_spawn":         chainedSpawn,
	"fanout_fanin":          fanoutFanin,
	"skynet":                skynet,
	"mutex_uncontended":     mutexUncontended,
	"mutex_10_tasks":        func(c ctx) []float64 { return mutexTenTasks(c, 1_000_000, false) },
	"mutex_10_tasks_yield":  func(c ctx) []float64 { return mutexTenTasks(c, 200_000, true) },
	"rwlock_read":           rwlockRead,
	"rwlock_write":          rwlockWrite,
	"semaphore_uncontended": semaphoreUncontended,
	"semaphore_3_100_tasks": semaphoreTasks,
	"pingpong_mpsc":         pingpongChannels,
	"oneshot":               oneshot,
	"mpsc_1000_1to1":        func(c ctx) []float64 { return transfer(c, 1_000_000, 1000, 1, 1) },
	"mpsc_1000_4to1":        func(c ctx) []float64 { return transfer(c, 1_000_000, 1000, 4, 1) },
	"mpsc_1_1to1":           func(c ctx) []float64 { return transfer(c, 300_000, 1, 1, 1) },
	"mpmc_100_4to4":         func(c ctx) []float64 { return transfer(c, 500_000, 100, 4, 4) },
	"queue_1000_1to1":       func(c ctx) []float64 { return transfer(c, 1_000_000, 1000, 1, 1) },
	"sleep_100k":            sleepMany,
	"timer_create_drop":     timerCreateDrop,
	"timeout_ready":         timeoutReady,
	"timeout_pending":       func(c ctx) []float64 { return timeoutPending(c, 300_000, 1) },
	"timeout_pending_mt100": func(c ctx) []float64 { return timeoutPending(c, 600_000, 100) },
	"sleep_late":            sleepLate,
	"tick_1ms":              tick,
	"idle_empty":            idleEmpty,
	"echo_1":                func(c ctx) []float64 { return echo(c, 20_000, 1) },
	"echo_64":               func(c ctx) []float64 { return echo(c, 60_000, 64) },
	"echo_1000":             func(c ctx) []float64 { return echo(c, 60_000, 1000) },
	"connect_close":         connectClose,
	"copy":                  relayed,
	"udp_pingpong":          udpPingpong,
	"file_read_4k":          func(c ctx) []float64 { return fileRead(c, 20_000, 4<<10) },
	"file_read_16m":         func(c ctx) []float64 { return fileRead(c, 100, 16<<20) },
	"process_spawn":         processSpawn,
	"fair_tick":             func(c ctx) []float64 { return underEachLoad(c, ticks) },
	"fair_echo":             func(c ctx) []float64 { return underEachLoad(c, trips) },
	"light_load":            lightLoad,
}
