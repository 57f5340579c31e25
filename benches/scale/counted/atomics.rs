//! Atomic words that tell the machine of each access.
//!
//! They are as large as the real ones, so that whatever shares a line with them really does.

use std::panic::Location;
use std::sync::atomic;

pub(crate) use std::sync::atomic::{Ordering, fence};

use super::machine::{Access, access};

macro_rules! atomics {
    ($($name:ident holds $value:ty),*) => {$(
        #[derive(Debug, Default)]
        #[repr(transparent)]
        pub(crate) struct $name(atomic::$name);

        impl $name {
            pub(crate) const fn new(value: $value) -> $name {
                $name(atomic::$name::new(value))
            }

            #[track_caller]
            fn told(&self, kind: Access) -> &atomic::$name {
                access(&raw const self.0, kind, Location::caller());
                &self.0
            }

            #[track_caller]
            pub(crate) fn load(&self, ordering: Ordering) -> $value {
                self.told(Access::Load).load(ordering)
            }

            #[track_caller]
            pub(crate) fn store(&self, value: $value, ordering: Ordering) {
                self.told(Access::Store).store(value, ordering);
            }

            #[track_caller]
            pub(crate) fn swap(&self, value: $value, ordering: Ordering) -> $value {
                self.told(Access::Change).swap(value, ordering)
            }

            #[track_caller]
            pub(crate) fn compare_exchange(
                &self,
                current: $value,
                new: $value,
                success: Ordering,
                failure: Ordering,
            ) -> Result<$value, $value> {
                self.told(Access::Change)
                    .compare_exchange(current, new, success, failure)
            }
        }
    )*};
}

macro_rules! counters {
    ($($name:ident holds $value:ty),*) => {$(
        atomics!($name holds $value);

        impl $name {
            #[track_caller]
            pub(crate) fn fetch_add(&self, value: $value, ordering: Ordering) -> $value {
                self.told(Access::Change).fetch_add(value, ordering)
            }

            #[track_caller]
            pub(crate) fn fetch_sub(&self, value: $value, ordering: Ordering) -> $value {
                self.told(Access::Change).fetch_sub(value, ordering)
            }

            #[track_caller]
            pub(crate) fn fetch_max(&self, value: $value, ordering: Ordering) -> $value {
                self.told(Access::Change).fetch_max(value, ordering)
            }

            #[track_caller]
            pub(crate) fn fetch_or(&self, value: $value, ordering: Ordering) -> $value {
                self.told(Access::Change).fetch_or(value, ordering)
            }

            #[track_caller]
            pub(crate) fn fetch_and(&self, value: $value, ordering: Ordering) -> $value {
                self.told(Access::Change).fetch_and(value, ordering)
            }
        }
    )*};
}

atomics!(AtomicBool holds bool);
counters!(AtomicU8 holds u8, AtomicU64 holds u64, AtomicUsize holds usize);

/// A cell that is swapped in one step.
#[derive(Default)]
#[repr(transparent)]
pub(crate) struct AtomicCell<T>(crossbeam_utils::atomic::AtomicCell<T>);

impl<T> AtomicCell<T> {
    pub(crate) const fn new(value: T) -> AtomicCell<T> {
        AtomicCell(crossbeam_utils::atomic::AtomicCell::new(value))
    }

    #[track_caller]
    pub(crate) fn swap(&self, value: T) -> T {
        access(&raw const self.0, Access::Change, Location::caller());
        self.0.swap(value)
    }

    #[track_caller]
    pub(crate) fn store(&self, value: T) {
        access(&raw const self.0, Access::Store, Location::caller());
        self.0.store(value);
    }
}

impl<T: Default> AtomicCell<T> {
    #[track_caller]
    pub(crate) fn take(&self) -> T {
        self.swap(T::default())
    }
}

impl<T: Copy> AtomicCell<T> {
    #[track_caller]
    pub(crate) fn load(&self) -> T {
        access(&raw const self.0, Access::Load, Location::caller());
        self.0.load()
    }
}
