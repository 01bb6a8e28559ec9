#[filch::main(flavor = "single")]
async fn main() {}
