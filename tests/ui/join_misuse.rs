async fn not_a_future() {
    filch::join!(async {}, 1);
}

async fn not_a_result() {
    let _ = filch::try_join!(async { 1 });
}

async fn too_many() {
    filch::join!(
        A, A, A, A, A, A, A, A, A, A, A, A, A, A, A, A, A, A, A, A, A, A, A, A, A, A, A, A, A, A, A, A, A,
        A, A, A, A, A, A, A, A, A, A, A, A, A, A, A, A, A, A, A, A, A, A, A, A, A, A, A, A, A, A, A, A,
    );
}

fn main() {}
