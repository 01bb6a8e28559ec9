// Sockets, files and children; what a server process does.
package main

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"time"
)

const message = 64

const greeting = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 13\r\n\r\nHello, world!"

func listen() net.Listener {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	check(err)
	return listener
}

func dial(addr net.Addr) net.Conn {
	// Go turns Nagle's algorithm off by itself.
	conn, err := net.Dial("tcp", addr.String())
	check(err)
	return conn
}

func echoBack(conn net.Conn) {
	defer conn.Close()
	buffer := make([]byte, 1024)
	for {
		n, err := conn.Read(buffer)
		if err != nil {
			return
		}
		if _, err := conn.Write(buffer[:n]); err != nil {
			return
		}
	}
}

func greet(conn net.Conn) {
	defer conn.Close()
	buffer, filled := make([]byte, 4096), 0
	for {
		n, err := conn.Read(buffer[filled:])
		if err != nil || n == 0 {
			return
		}
		filled += n
		for {
			end := bytes.Index(buffer[:filled], []byte("\r\n\r\n"))
			if end < 0 {
				break
			}
			if _, err := io.WriteString(conn, greeting); err != nil {
				return
			}
			copy(buffer, buffer[end+4:filled])
			filled -= end + 4
		}
	}
}

func acceptAll(listener net.Listener, serve func(net.Conn)) {
	for {
		conn, err := listener.Accept()
		if err != nil {
			return
		}
		go serve(conn)
	}
}

func serve(what string) {
	handler := map[string]func(net.Conn){"echo": echoBack, "http": greet}[what]
	listener := listen()
	fmt.Println(listener.Addr().(*net.TCPAddr).Port)
	go acceptAll(listener, handler)
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		switch lines.Text() {
		case "cpu":
			fmt.Println(cpu().Nanoseconds())
		case "memory":
			fmt.Println(residentBytes())
		}
	}
}

func trip(conn net.Conn, out, in []byte) {
	_, err := conn.Write(out)
	check(err)
	_, err = io.ReadFull(conn, in)
	check(err)
}

func echo(c ctx, full, connections int) []float64 {
	measured := max(c.times(full)/connections, 5)
	listener := listen()
	defer listener.Close()
	go acceptAll(listener, echoBack)
	warm, start := newLatch(connections), make(chan struct{})
	seen := make(chan []time.Duration, connections)
	for i := 0; i < connections; i++ {
		go func() {
			conn := dial(listener.Addr())
			defer conn.Close()
			out, in := make([]byte, message), make([]byte, message)
			for i := 0; i < measured/10+1; i++ {
				trip(conn, out, in)
			}
			warm.arrive()
			<-start
			durations := make([]time.Duration, 0, measured)
			for i := 0; i < measured; i++ {
				before := time.Now()
				trip(conn, out, in)
				durations = append(durations, time.Since(before))
			}
			seen <- durations
		}()
	}
	<-warm.open
	spent, begun := cpu(), time.Now()
	close(start)
	var all []time.Duration
	for i := 0; i < connections; i++ {
		all = append(all, <-seen...)
	}
	wall, spent := time.Since(begun), cpu()-spent
	n := connections * measured
	return []float64{
		nanosEach(wall, n), micros(percentile(all, 0.5)), micros(percentile(all, 0.99)), nanosEach(spent, n),
	}
}

func connectClose(c ctx) []float64 {
	return c.perOp(2000, func(n int) {
		listener := listen()
		defer listener.Close()
		go acceptAll(listener, echoBack)
		out, in := make([]byte, message), make([]byte, message)
		for i := 0; i < n; i++ {
			conn := dial(listener.Addr())
			trip(conn, out, in)
			conn.Close()
		}
	})
}

func relayed(c ctx) []float64 {
	chunks := c.times(8000)
	throughRelay(chunks/10 + 1)
	start := time.Now()
	received := throughRelay(chunks)
	return []float64{float64(received) / 1e6 / time.Since(start).Seconds()}
}

func throughRelay(chunks int) int {
	outer, inner := listen(), listen()
	defer outer.Close()
	defer inner.Close()
	go func() {
		one, err := outer.Accept()
		check(err)
		other := dial(inner.Addr())
		go func() {
			_, _ = io.Copy(one, other)
			one.Close()
		}()
		_, err = io.Copy(other, one)
		check(err)
		other.Close()
	}()
	sink := make(chan int)
	go func() {
		conn, err := inner.Accept()
		check(err)
		buffer, received := make([]byte, 64<<10), 0
		for {
			n, err := conn.Read(buffer)
			received += n
			if err != nil {
				break
			}
		}
		conn.Close()
		sink <- received
	}()
	client, chunk := dial(outer.Addr()), make([]byte, 64<<10)
	for i := 0; i < chunks; i++ {
		_, err := client.Write(chunk)
		check(err)
	}
	check(client.(*net.TCPConn).CloseWrite())
	received := <-sink
	client.Close()
	if received != chunks*len(chunk) {
		panic("not all of it came through")
	}
	return received
}

func udpPingpong(c ctx) []float64 {
	return c.perOp(50_000, func(n int) {
		addr := &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)}
		far, err := net.ListenUDP("udp", addr)
		check(err)
		defer far.Close()
		near, err := net.DialUDP("udp", nil, far.LocalAddr().(*net.UDPAddr))
		check(err)
		defer near.Close()
		go func() {
			buffer := make([]byte, message)
			for i := 0; i < n; i++ {
				count, from, err := far.ReadFromUDPAddrPort(buffer)
				check(err)
				_, err = far.WriteToUDPAddrPort(buffer[:count], from)
				check(err)
			}
		}()
		buffer := make([]byte, message)
		for i := 0; i < n; i++ {
			_, err := near.Write(buffer)
			check(err)
			_, err = near.Read(buffer)
			check(err)
		}
	})
}

func fileRead(c ctx, full, size int) []float64 {
	file, err := os.CreateTemp("", "benches")
	check(err)
	defer os.Remove(file.Name())
	_, err = file.Write(make([]byte, size))
	check(err)
	check(file.Close())
	return c.perOp(full, func(n int) {
		for i := 0; i < n; i++ {
			read, err := os.ReadFile(file.Name())
			check(err)
			if len(read) != size {
				panic("not all of it was read")
			}
		}
	})
}

func processSpawn(c ctx) []float64 {
	return c.perOp(1000, func(n int) {
		for i := 0; i < n; i++ {
			check(exec.Command("true").Run())
		}
	})
}

func trips(n int) []time.Duration {
	listener := listen()
	defer listener.Close()
	go acceptAll(listener, echoBack)
	conn := dial(listener.Addr())
	defer conn.Close()
	out, in := make([]byte, message), make([]byte, message)
	var seen []time.Duration
	for i := 0; i < n; i++ {
		time.Sleep(time.Millisecond)
		start := time.Now()
		trip(conn, out, in)
		seen = append(seen, time.Since(start))
	}
	return seen
}
