use std::future::ready;

async fn handlers_differ() {
    let _ = filch::select! {
        a = ready(1) => a,
        _ = ready(2) => "two",
    };
}

async fn not_a_future() {
    filch::select! {
        a = 1 => drop(a),
    }
}

async fn precondition_is_no_bool() {
    filch::select! {
        a = ready(1), if 1 => drop(a),
    }
}

fn main() {}
