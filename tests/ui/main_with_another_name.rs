#[filch::main]
async fn start() {}

fn main() {}
