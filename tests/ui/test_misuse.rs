#[filch::test]
fn not_async() {}

#[filch::test]
async fn with_arguments(_answer: u32) {}

#[filch::test]
#[test]
async fn twice() {}

#[filch::test(worker_threads = 2)]
async fn too_many_threads() {}

fn main() {}
