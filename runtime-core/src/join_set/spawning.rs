//! The ways to spawn into a collection of tasks, written once for all that have them.

/// The spawning methods of `$Tasks<T>`, whose method `$put` takes a handle in. `$place` says in the
/// documentation where that is.
macro_rules! spawning {
    ($Tasks:ident, $put:ident, $place:literal) => {
        impl<T: 'static> $Tasks<T> {
            #[doc = concat!("Spawns a task ", $place, "; see [`spawn`](fn@crate::spawn::spawn).")]
            ///
            /// # Panics
            ///
            /// If this thread is in no runtime.
            #[track_caller]
            pub fn spawn<F>(&mut self, task: F) -> $crate::task::AbortHandle
            where
                F: Future<Output = T> + Send + 'static,
                T: Send,
            {
                self.$put($crate::spawn::spawn(task))
            }

            #[doc = concat!("Spawns a task ", $place, ", on a runtime.")]
            #[track_caller]
            pub fn spawn_on<F>(&mut self, task: F, handle: &$crate::runtime::Handle) -> $crate::task::AbortHandle
            where
                F: Future<Output = T> + Send + 'static,
                T: Send,
            {
                self.$put(handle.spawn(task))
            }

            #[doc = concat!("Spawns a task ", $place, " that stays on this thread.")]
            ///
            /// # Panics
            ///
            /// As [`spawn_local`](crate::local::spawn_local).
            #[track_caller]
            pub fn spawn_local<F>(&mut self, task: F) -> $crate::task::AbortHandle
            where
                F: Future<Output = T> + 'static,
            {
                self.$put($crate::local::spawn_local(task))
            }

            #[doc = concat!("Spawns a task ", $place, ", on a [`LocalSet`](crate::local::LocalSet).")]
            #[track_caller]
            pub fn spawn_local_on<F>(&mut self, task: F, local_set: &$crate::local::LocalSet) -> $crate::task::AbortHandle
            where
                F: Future<Output = T> + 'static,
            {
                self.$put(local_set.spawn_local(task))
            }

            #[doc = concat!("Runs a closure that may block, as a task that is put ", $place, ".")]
            ///
            /// # Panics
            ///
            /// If this thread is in no runtime.
            #[track_caller]
            pub fn spawn_blocking<F>(&mut self, f: F) -> $crate::task::AbortHandle
            where
                F: FnOnce() -> T + Send + 'static,
                T: Send,
            {
                self.$put($crate::spawn::spawn_blocking(f))
            }

            #[doc = concat!(
                "Runs a closure that may block, as a task that is put ", $place, ", on a runtime."
            )]
            #[track_caller]
            pub fn spawn_blocking_on<F>(&mut self, f: F, handle: &$crate::runtime::Handle) -> $crate::task::AbortHandle
            where
                F: FnOnce() -> T + Send + 'static,
                T: Send,
            {
                self.$put(handle.spawn_blocking(f))
            }
        }

        /// Spawns each future.
        ///
        /// # Panics
        ///
        /// If this thread is in no runtime.
        impl<T, F> FromIterator<F> for $Tasks<T>
        where
            F: Future<Output = T> + Send + 'static,
            T: Send + 'static,
        {
            fn from_iter<I: IntoIterator<Item = F>>(futures: I) -> $Tasks<T> {
                let mut tasks = $Tasks::new();
                tasks.extend(futures);
                tasks
            }
        }

        /// Spawns each future.
        ///
        /// # Panics
        ///
        /// If this thread is in no runtime.
        impl<T, F> Extend<F> for $Tasks<T>
        where
            F: Future<Output = T> + Send + 'static,
            T: Send + 'static,
        {
            fn extend<I: IntoIterator<Item = F>>(&mut self, futures: I) {
                futures.into_iter().for_each(|future| _ = self.spawn(future));
            }
        }
    };
}

pub(super) use spawning;
