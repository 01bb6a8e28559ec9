module benches/peer

go 1.19
