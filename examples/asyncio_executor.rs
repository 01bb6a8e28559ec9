//! asyncio's tutorial on `run_in_executor`: a call that blocks goes to another thread, once of the runtime
//! and once of a pool, and the others go on meanwhile.
//!
//! `cargo run --example asyncio_executor`

use filch::executor::{ThreadPoolExecutor, run_in_executor};
use filch::runtime::Handle;
use std::error::Error;
use std::fs::File;
use std::io::{self, Read};

#[filch::main]
async fn main() -> Result<(), Box<dyn Error>> {
    block_elsewhere(|line| println!("{line}")).await
}

fn blocking_io() -> io::Result<usize> {
    let mut bytes = [0; 100];
    File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    Ok(bytes.len())
}

fn cpu_bound() -> u64 {
    (0..1_000_000u64).map(|i| i * i).sum()
}

pub(crate) async fn block_elsewhere(print: fn(String)) -> Result<(), Box<dyn Error>> {
    let bytes = run_in_executor(&Handle::current(), blocking_io)?;
    print("the runtime reads".into());
    print(format!("the runtime has read {} bytes", bytes.await??));

    let pool = ThreadPoolExecutor::new(2);
    let sum = run_in_executor(&pool, cpu_bound)?;
    print("a pool adds up".into());
    print(format!("the pool has come to {}", sum.await?));
    Ok(())
}
