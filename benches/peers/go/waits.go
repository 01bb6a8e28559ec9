// Locks and channels; sleeps, timeouts and ticks; who waits while others compute.
package main

import (
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// What a lock guards lies beside it in memory, as it does when others share it.
type counted struct {
	sync.Mutex
	count int
}

type readOrCounted struct {
	sync.RWMutex
	count int
}

func mutexUncontended(c ctx) []float64 {
	return c.perOp(4_000_000, func(n int) {
		lock := new(counted)
		for i := 0; i < n; i++ {
			lock.Lock()
			lock.count++
			lock.Unlock()
		}
		if lock.count != n {
			panic("lost count")
		}
	})
}

// byTasks runs work in so many goroutines.
func byTasks(tasks int, work func()) {
	var all sync.WaitGroup
	all.Add(tasks)
	for i := 0; i < tasks; i++ {
		go func() {
			defer all.Done()
			work()
		}()
	}
	all.Wait()
}

func mutexTenTasks(c ctx, full int, yield bool) []float64 {
	return c.perOp(full, func(n int) {
		var lock sync.Mutex
		each, count := (n+9)/10, 0
		byTasks(10, func() {
			for i := 0; i < each; i++ {
				lock.Lock()
				if yield {
					runtime.Gosched()
				}
				count++
				lock.Unlock()
			}
		})
		if count != 10*each {
			panic("lost count")
		}
	})
}

func rwlockRead(c ctx) []float64 {
	return c.perOp(4_000_000, func(n int) {
		lock, sum := new(readOrCounted), 0
		for i := 0; i < n; i++ {
			lock.RLock()
			sum += lock.count
			lock.RUnlock()
		}
		if sum != 0 {
			panic("there was nothing to read")
		}
	})
}

func rwlockWrite(c ctx) []float64 {
	return c.perOp(4_000_000, func(n int) {
		lock := new(readOrCounted)
		for i := 0; i < n; i++ {
			lock.Lock()
			lock.count++
			lock.Unlock()
		}
		if lock.count != n {
			panic("lost count")
		}
	})
}

// A channel with room for as many as there are permits is how Go's users count.
func semaphoreUncontended(c ctx) []float64 {
	return c.perOp(4_000_000, func(n int) {
		permits := make(chan struct{}, 1)
		for i := 0; i < n; i++ {
			permits <- struct{}{}
			<-permits
		}
	})
}

func semaphoreTasks(c ctx) []float64 {
	return c.perOp(300_000, func(n int) {
		permits := make(chan struct{}, 3)
		each := (n + 99) / 100
		byTasks(100, func() {
			for i := 0; i < each; i++ {
				permits <- struct{}{}
				runtime.Gosched()
				<-permits
			}
		})
	})
}

func pingpongChannels(c ctx) []float64 {
	return c.perOp(200_000, func(n int) {
		there, back := make(chan int, 1), make(chan int, 1)
		go func() {
			for ball := range there {
				back <- ball
			}
		}()
		for i := 0; i < n; i++ {
			there <- i
			if <-back != i {
				panic("wrong ball")
			}
		}
		close(there)
	})
}

func oneshot(c ctx) []float64 {
	return c.perOp(2_000_000, func(n int) {
		for i := 0; i < n; i++ {
			channel := make(chan int, 1)
			channel <- i
			if <-channel != i {
				panic("wrong value")
			}
		}
	})
}

func transfer(c ctx, full, capacity, senders, receivers int) []float64 {
	return c.perOp(full, func(n int) {
		channel := make(chan int, capacity)
		each := (n + senders - 1) / senders
		var sending, receiving sync.WaitGroup
		var received int64
		receiving.Add(receivers)
		for i := 0; i < receivers; i++ {
			go func() {
				mine := int64(0)
				for range channel {
					mine++
				}
				atomic.AddInt64(&received, mine)
				receiving.Done()
			}()
		}
		sending.Add(senders)
		for i := 0; i < senders; i++ {
			go func() {
				for number := 0; number < each; number++ {
					channel <- number
				}
				sending.Done()
			}()
		}
		sending.Wait()
		close(channel)
		receiving.Wait()
		if received != int64(each*senders) {
			panic("a message is lost")
		}
	})
}

func residentBytes() int {
	text, err := os.ReadFile("/proc/self/statm")
	check(err)
	pages, err := strconv.Atoi(strings.Fields(string(text))[1])
	check(err)
	return pages * os.Getpagesize()
}

// cpu is what all threads of this process have had.
func cpu() time.Duration {
	var usage syscall.Rusage
	check(syscall.Getrusage(syscall.RUSAGE_SELF, &usage))
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

func sleepMany(c ctx) []float64 {
	tasks := c.crowd(100_000)
	time.Sleep(time.Millisecond)
	before, start := residentBytes(), time.Now()
	deadline := start.Add(1500 * time.Millisecond)
	asleep, awake := newLatch(tasks), newLatch(tasks)
	for i := 0; i < tasks; i++ {
		go func() {
			asleep.arrive()
			time.Sleep(time.Until(deadline))
			awake.arrive()
		}()
	}
	started := <-asleep.open
	time.Sleep(20 * time.Millisecond)
	memory := max(residentBytes()-before, 0)
	end := <-awake.open
	if !started.Before(deadline) || end.Before(deadline) {
		panic("too early or too late")
	}
	return []float64{
		nanosEach(started.Sub(start), tasks),
		nanosEach(end.Sub(deadline), tasks),
		float64(memory) / float64(tasks),
	}
}

func timerCreateDrop(c ctx) []float64 {
	return c.perOp(500_000, func(n int) {
		for i := 0; i < n; i++ {
			time.NewTimer(time.Hour).Stop()
		}
	})
}

func timeoutReady(c ctx) []float64 {
	return c.perOp(3_000_000, func(n int) {
		ready := make(chan int, 1)
		for i := 0; i < n; i++ {
			ready <- i
			timer := time.NewTimer(time.Hour)
			select {
			case <-ready:
			case <-timer.C:
				panic("it was ready")
			}
			timer.Stop()
		}
	})
}

func timeoutPending(c ctx, full, tasks int) []float64 {
	return c.perOp(full, func(n int) {
		each := (n + tasks - 1) / tasks
		byTasks(tasks, func() {
			ready := make(chan struct{}, 1)
			for i := 0; i < each; i++ {
				go func() { ready <- struct{}{} }()
				timer := time.NewTimer(time.Hour)
				select {
				case <-ready:
				case <-timer.C:
					panic("it waits but once")
				}
				timer.Stop()
			}
		})
	})
}

func sleepLate(c ctx) []float64 {
	n := c.times(300)
	late := make([]time.Duration, 0, n)
	for i := 0; i < n; i++ {
		duration := time.Duration(1000+i*1237%4000) * time.Microsecond
		deadline := time.Now().Add(duration)
		time.Sleep(duration)
		late = append(late, time.Since(deadline))
	}
	return []float64{micros(percentile(late, 0.5)), micros(percentile(late, 0.99))}
}

func tick(c ctx) []float64 {
	n := max(c.times(1000), 100)
	ticker := time.NewTicker(time.Millisecond)
	for i := 0; i < 20; i++ {
		<-ticker.C
	}
	before := cpu()
	for i := 0; i < n; i++ {
		<-ticker.C
	}
	return []float64{micros(cpu()-before) / float64(n)}
}

func idleEmpty(c ctx) []float64 {
	byTasks(8, runtime.Gosched)
	time.Sleep(105 * time.Millisecond)
	before := cpu()
	time.Sleep(time.Second)
	return []float64{micros(cpu() - before)}
}

const stint = 100 * time.Microsecond

func busyFor(d time.Duration) {
	for begun := time.Now(); time.Since(begun) < d; {
	}
}

// underEachLoad is the p99 and p99.9 of what watch(n) sees while others want 10, 50, 100 % of the cores.
func underEachLoad(c ctx, watch func(n int) []time.Duration) []float64 {
	n := max(c.times(3000), 20)
	var numbers []float64
	for _, load := range []int{10, 50, 100} {
		var over atomic.Bool
		var others sync.WaitGroup
		for i := 0; i < runtime.GOMAXPROCS(0); i++ {
			others.Add(1)
			go func() {
				defer others.Done()
				rest := stint * time.Duration(100-load) / time.Duration(load)
				for !over.Load() {
					busyFor(stint)
					if rest == 0 {
						runtime.Gosched()
					} else {
						time.Sleep(rest)
					}
				}
			}()
		}
		seen := watch(n)
		over.Store(true)
		others.Wait()
		numbers = append(numbers, micros(percentile(seen, 0.99)), micros(percentile(seen, 0.999)))
	}
	return numbers
}

func ticks(n int) []time.Duration {
	var late []time.Duration
	deadline := time.Now()
	for i := 0; i < n; i++ {
		deadline = deadline.Add(time.Millisecond)
		if now := time.Now(); deadline.Before(now) {
			deadline = now
		}
		time.Sleep(time.Until(deadline))
		late = append(late, time.Since(deadline))
	}
	return late
}

func lightLoad(c ctx) []float64 {
	n := max(c.times(1000), 20)
	time.Sleep(time.Millisecond)
	before, start := cpu(), time.Now()
	for i := 1; i <= n; i++ {
		busyFor(10 * time.Microsecond)
		time.Sleep(time.Until(start.Add(time.Duration(i) * time.Millisecond)))
	}
	return []float64{100 * (cpu() - before).Seconds() / time.Since(start).Seconds()}
}
