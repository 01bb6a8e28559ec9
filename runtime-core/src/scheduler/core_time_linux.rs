//! How long a thread has run, and how long it has waited for a core: Linux counts both.

use super::crowding::CoreTime;

thread_local! {
    static NUMBER: u32 = ask().unwrap_or(0);
}

/// By what the kernel knows this thread; 0 if nobody tells.
pub(super) fn this_thread() -> u32 {
    NUMBER.with(|number| *number)
}

fn ask() -> Option<u32> {
    // It leads to `PROCESS/task/THREAD`.
    let place = std::fs::read_link("/proc/thread-self").ok()?;
    place.file_name()?.to_str()?.parse().ok()
}

/// What `thread` of this process has had so far; `None` if it is gone, or there is nobody to tell.
pub(super) fn of(thread: u32) -> Option<CoreTime> {
    let path = format!("/proc/self/task/{thread}/schedstat");
    parse(&std::fs::read_to_string(path).ok()?)
}

/// Nanoseconds on a core, nanoseconds in line for one, and how often.
fn parse(line: &str) -> Option<CoreTime> {
    let mut numbers = line.split_whitespace().map_while(|number| number.parse().ok());
    Some(CoreTime { ran: numbers.next()?, waited: numbers.next()? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_kernel_says_is_understood() {
        let times = parse("12345 678 9\n").expect("two numbers and one more");
        assert_eq!((times.ran, times.waited), (12_345, 678));
        assert!(parse("").is_none() && parse("1").is_none() && parse("a b").is_none());
    }

    #[test]
    fn a_thread_that_works_is_seen_to_run() {
        // A kernel may be built without it, or count nothing.
        let Some(before) = of(this_thread()).filter(|time| time.ran > 0) else { return };
        let mut now = before;
        while now.ran - before.ran < 1_000_000 {
            now = of(this_thread()).expect("it was there just now");
        }
        assert!(of(u32::MAX).is_none(), "there is no such thread");
    }
}
