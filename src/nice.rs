//! The niceness of threads, on Linux, where each thread has its own.

/// Whether niceness can be set for one thread.
pub(crate) const SUPPORTED: bool = true;

/// Makes the current thread this nice to all others. Raising it needs no privilege.
pub(crate) fn set_current_thread(niceness: u8) {
    let thread = rustix::thread::gettid();
    if let Err(error) = rustix::process::setpriority_process(Some(thread), niceness.into()) {
        log::warn!("could not set a worker thread's niceness to {niceness}: {error}");
    }
}
