#[derive(Debug)]
struct Failure;

#[filch::main]
async fn main() -> Result<(), Failure> {
    let number = "1".parse::<u32>()?;
    println!("{number}");
    Ok(())
}
