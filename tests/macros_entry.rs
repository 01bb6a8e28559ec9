//! `#[filch::main]` and `#[filch::test]`: the runtime that they build, and the function they keep.
#![allow(missing_docs, clippy::disallowed_methods)]

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use filch::runtime::{Handle, RuntimeFlavor};

mod main {
    use super::*;

    mod with_defaults {
        use super::*;

        #[filch::main]
        pub(crate) async fn main() -> RuntimeFlavor {
            Handle::current().runtime_flavor()
        }
    }

    mod with_three_workers {
        use super::*;

        #[filch::main(flavor = "multi_thread", worker_threads = 3, name = "three")]
        pub(crate) async fn main() -> (usize, Option<String>) {
            let name = filch::spawn(async { std::thread::current().name().map(str::to_owned) });
            assert_eq!(Handle::current().name(), Some("three"));
            (Handle::current().metrics().num_workers(), name.await.unwrap())
        }
    }

    mod on_this_thread {
        use super::*;

        #[filch::main(flavor = "current_thread", start_paused = true)]
        pub(crate) async fn main() -> RuntimeFlavor {
            filch::time::sleep(Duration::from_secs(1_000_000)).await;
            Handle::current().runtime_flavor()
        }
    }

    mod local {
        use super::*;

        #[filch::main(flavor = "local")]
        pub(crate) async fn main() -> usize {
            let count = Rc::new(());
            let task = filch::task::spawn_local({
                let count = Rc::clone(&count);
                async move { Rc::strong_count(&count) }
            });
            task.await.unwrap()
        }
    }

    mod that_is_not_send {
        use super::*;

        #[filch::main]
        pub(crate) async fn main() -> usize {
            let count = Rc::new(());
            filch::task::yield_now().await;
            Rc::strong_count(&count)
        }
    }

    mod that_fails {
        #[filch::main]
        pub(crate) async fn main() -> Result<u32, Box<dyn std::error::Error>> {
            if false {
                return Err("a string becomes the error of the signature".into());
            }
            let number = "x".parse::<u32>()?;
            Ok(number)
        }
    }

    mod of_an_opaque_type {
        #[filch::main]
        pub(crate) async fn main() -> impl Iterator<Item = u32> {
            #![allow(clippy::let_and_return)]
            let numbers = 0..3;
            numbers
        }
    }

    mod under_another_name {

        pub(crate) struct Counter {
            pub(crate) count: u32,
        }

        impl Counter {
            #[filch::main(flavor = "current_thread")]
            pub(crate) async fn new() -> Self {
                Self { count: 0 }
            }

            #[filch::main(flavor = "current_thread")]
            pub(crate) async fn add<N: Into<u32> + Send + 'static>(&mut self, mut by: N) -> u32 {
                by = filch::spawn(async move { by }).await.unwrap();
                self.count += by.into();
                self.count
            }
        }

        #[filch::main]
        pub(crate) async fn parsed(
            text: &str,
            fail: bool,
        ) -> Result<u32, Box<dyn std::error::Error>> {
            if fail {
                return Err("a string becomes the error of the signature".into());
            }
            Ok(text.parse::<u32>()?)
        }
    }

    #[test]
    fn the_default_is_a_runtime_of_several_threads() {
        assert_eq!(with_defaults::main(), RuntimeFlavor::MultiThread);
    }

    #[test]
    fn workers_have_the_number_and_the_name_asked_for() {
        assert_eq!(with_three_workers::main(), (3, Some("three".to_owned())));
    }

    #[test]
    fn a_paused_clock_skips_what_all_wait_for() {
        assert_eq!(on_this_thread::main(), RuntimeFlavor::CurrentThread);
    }

    #[test]
    fn a_local_runtime_spawns_what_cannot_move() {
        assert_eq!(local::main(), 2);
    }

    #[test]
    fn the_future_of_main_need_not_be_send() {
        assert_eq!(that_is_not_send::main(), 1);
    }

    #[test]
    fn the_signature_decides_what_a_question_mark_returns() {
        assert_eq!(that_fails::main().unwrap_err().to_string(), "invalid digit found in string");
    }

    #[test]
    fn a_method_may_own_a_runtime_for_its_call() {
        let mut counter = under_another_name::Counter::new();
        assert_eq!(counter.add(2_u8), 2);
        assert_eq!(counter.add(3_u32), 5);
    }

    #[test]
    fn the_body_sees_the_arguments() {
        assert_eq!(under_another_name::parsed("7", false).unwrap(), 7);
        assert!(under_another_name::parsed("x", false).is_err());
        assert!(
            under_another_name::parsed("7", true).unwrap_err().to_string().contains("signature")
        );
    }

    #[test]
    fn the_result_may_be_opaque() {
        assert_eq!(of_an_opaque_type::main().sum::<u32>(), 3);
    }
}

mod test {
    use super::*;

    #[filch::test]
    async fn the_default_is_a_runtime_of_one_thread() {
        assert_eq!(Handle::current().runtime_flavor(), RuntimeFlavor::CurrentThread);
    }

    #[filch::test(flavor = "multi_thread", worker_threads = 2)]
    async fn two_workers_run_what_is_spawned() {
        let shared = Arc::new(());
        let task = filch::spawn({
            let shared = Arc::clone(&shared);
            async move { Arc::strong_count(&shared) }
        });
        assert_eq!(task.await.unwrap(), 2);
        assert_eq!(Handle::current().metrics().num_workers(), 2);
    }

    #[filch::test(start_paused = true)]
    async fn an_hour_passes_at_once() {
        let start = filch::time::Instant::now();
        filch::time::sleep(Duration::from_secs(3600)).await;
        assert!(start.elapsed() >= Duration::from_secs(3600));
    }

    #[filch::test(crate = "filch")]
    #[should_panic = "as expected"]
    async fn other_attributes_stay() {
        panic!("as expected");
    }

    #[filch::test]
    async fn a_test_may_return_a_result() -> Result<(), std::num::ParseIntError> {
        let number: u32 = "1".parse()?;
        assert_eq!(number, 1);
        Ok(())
    }

    macro_rules! in_a_macro {
        ($visibility:vis $name:ident, $threads:literal, $body:block) => {
            #[filch::test(flavor = "multi_thread", worker_threads = $threads)]
            $visibility async fn $name() $body
        };
    }

    in_a_macro!(pub(super) pieces_may_come_from_another_macro, 1, {
        assert_eq!(Handle::current().metrics().num_workers(), 1);
    });
}
