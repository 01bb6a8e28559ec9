#![allow(unused)]
use std::future::ready;

async fn missing_handler() {
    filch::select! {
        a = ready(1),
        b = ready(2) => drop(b),
    }
}

async fn missing_pattern() {
    filch::select! {
        ready(1) => {}
    }
}

async fn missing_comma() {
    filch::select! {
        a = ready(1) => drop(a)
        b = ready(2) => drop(b)
    }
}

async fn else_is_not_last() {
    filch::select! {
        else => {}
        a = ready(1) => drop(a),
    }
}

async fn empty() {
    filch::select! {}
}

fn main() {}
