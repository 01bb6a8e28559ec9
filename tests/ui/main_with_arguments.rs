#[filch::main]
async fn main(path: &str) {
    println!("{path}");
}
