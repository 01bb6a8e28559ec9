// Starting goroutines, joining them, going from one to the next.
package main

import (
	"context"
	"runtime"
	"sync"
	"sync/atomic"
	"time"
)

func spawnJoin(c ctx) []float64 {
	return c.perOp(200_000, func(n int) {
		for i := 0; i < n; i++ {
			answer := make(chan int, 1)
			go func(i int) { answer <- i }(i)
			if <-answer != i {
				panic("wrong answer")
			}
		}
	})
}

func spawnJoinNow(c ctx) []float64 {
	return c.perOp(200_000, func(n int) {
		for i := 0; i < n; i++ {
			answer := make(chan int, 1)
			go func(i int) { answer <- i }(i)
			runtime.Gosched()
			if <-answer != i {
				panic("wrong answer")
			}
		}
	})
}

func spawnJoinBatch(c ctx) []float64 {
	return c.perOp(300_000, func(n int) {
		children := make([]chan int, 100)
		for done := 0; done < n; done += 100 {
			for i := range children {
				answer := make(chan int, 1)
				children[i] = answer
				go func(i int) { answer <- i }(i)
			}
			for i, child := range children {
				if <-child != i {
					panic("wrong answer")
				}
			}
		}
	})
}

// latch opens once as many have arrived as it was made for, and tells when that was.
type latch struct {
	missing int64
	open    chan time.Time
}

func newLatch(missing int) *latch {
	return &latch{int64(missing), make(chan time.Time, 1)}
}

func (l *latch) arrive() {
	if atomic.AddInt64(&l.missing, -1) == 0 {
		l.open <- time.Now()
	}
}

func spawnDetach(c ctx) []float64 {
	return c.perOp(200_000, func(n int) {
		all := newLatch(n)
		for i := 0; i < n; i++ {
			go all.arrive()
		}
		<-all.open
	})
}

func group(c ctx) []float64 {
	return c.perOp(300_000, func(n int) {
		for done := 0; done < n; done += 1000 {
			var children sync.WaitGroup
			children.Add(1000)
			for i := 0; i < 1000; i++ {
				go children.Done()
			}
			children.Wait()
		}
	})
}

func cancelMany(c ctx) []float64 {
	tasks := c.crowd(100_000)
	background, cancel := context.WithCancel(context.Background())
	asleep, gone := newLatch(tasks), newLatch(tasks)
	for i := 0; i < tasks; i++ {
		go func() {
			defer gone.arrive()
			timer := time.NewTimer(time.Hour)
			defer timer.Stop()
			asleep.arrive()
			select {
			case <-timer.C:
			case <-background.Done():
			}
		}()
	}
	<-asleep.open
	start := time.Now()
	cancel()
	end := <-gone.open
	return []float64{nanosEach(end.Sub(start), tasks)}
}

func yields(tasks, each int) []float64 {
	var open atomic.Bool
	here, done := newLatch(tasks), newLatch(tasks)
	for i := 0; i < tasks; i++ {
		go func() {
			here.arrive()
			for !open.Load() {
				runtime.Gosched()
			}
			for i := 0; i < each; i++ {
				runtime.Gosched()
			}
			done.arrive()
		}()
	}
	<-here.open
	start := time.Now()
	open.Store(true)
	end := <-done.open
	return []float64{nanosEach(end.Sub(start), tasks*each)}
}

// ball is what two players hand to each other: the way to hand it back.
type ball struct{ back chan ball }

func pingpongOneshot(c ctx, full, pairs int) []float64 {
	return c.perOp(full, func(n int) {
		var players sync.WaitGroup
		trips := (n + pairs - 1) / pairs
		for pair := 0; pair < pairs; pair++ {
			players.Add(2)
			serve := make(chan ball, 1)
			go func() {
				defer players.Done()
				other := serve
				for trip := 0; trip < trips; trip++ {
					returned := make(chan ball, 1)
					other <- ball{returned}
					other = (<-returned).back
				}
				close(other)
			}()
			go func() {
				defer players.Done()
				next := serve
				for {
					received, open := <-next
					if !open {
						return
					}
					back := make(chan ball, 1)
					received.back <- ball{back}
					next = back
				}
			}()
		}
		players.Wait()
	})
}

func chainedSpawn(c ctx) []float64 {
	return c.perOp(300_000, func(n int) {
		for done := 0; done < n; done += 1000 {
			last := make(chan struct{}, 1)
			go link(1000, last)
			<-last
		}
	})
}

func link(left int, last chan struct{}) {
	if left == 1 {
		last <- struct{}{}
		return
	}
	go link(left-1, last)
}

func fanoutFanin(c ctx) []float64 {
	return c.perOp(200_000, func(n int) {
		for done := 0; done < n; done += 1000 {
			answers := make(chan int, 1000)
			for i := 0; i < 1000; i++ {
				go func(i int) { answers <- i }(i)
			}
			sum := 0
			for i := 0; i < 1000; i++ {
				sum += <-answers
			}
			if sum != 999*1000/2 {
				panic("wrong sum")
			}
		}
	})
}

func skynet(c ctx) []float64 {
	leaves := 1_000_000
	if c.scale < 1 {
		leaves = 100_000
	}
	leaves = c.crowd(leaves)
	tree := func(leaves int) int {
		answer := make(chan int, 1)
		go node(0, leaves, answer)
		return <-answer
	}
	tree(max(leaves/100, 1))
	start := time.Now()
	if tree(leaves) != leaves*(leaves-1)/2 {
		panic("wrong sum")
	}
	return []float64{nanosEach(time.Since(start), leaves)}
}

func node(first, leaves int, answer chan int) {
	if leaves == 1 {
		answer <- first
		return
	}
	children := make(chan int, 10)
	for i := 0; i < 10; i++ {
		go node(first+i*leaves/10, leaves/10, children)
	}
	sum := 0
	for i := 0; i < 10; i++ {
		sum += <-children
	}
	answer <- sum
}
