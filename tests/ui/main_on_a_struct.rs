#[filch::main]
struct Main;

fn main() {}
