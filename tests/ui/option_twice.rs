#[filch::main(flavor = "local", flavor = "local")]
async fn main() {}
