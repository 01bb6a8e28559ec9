#[filch::main]
async fn main() -> std::io::Result<()> {
    std::fs::read("file")?;
}
