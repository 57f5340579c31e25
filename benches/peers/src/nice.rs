//! The niceness of threads, for the peers whose users would set it.

/// Gives the thread that calls it the niceness that Laneway's low threads have. Linux only;
/// elsewhere it does nothing.
pub(crate) fn lower_this_thread() {
    #[cfg(target_os = "linux")]
    {
        let this = Some(rustix::thread::gettid());
        let set = rustix::process::setpriority_process(this, 19);
        set.expect("a thread may always lower its own priority");
    }
}
