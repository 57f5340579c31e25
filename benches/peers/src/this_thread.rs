//! The niceness and the core of a thread, for the peers whose users would set them, and for the
//! yardstick. On Linux; elsewhere nothing is set, and there is one core.

/// Gives the thread that calls it the niceness that Laneway's low threads have.
pub(crate) fn lower() {
    #[cfg(target_os = "linux")]
    {
        let this = Some(rustix::thread::gettid());
        let set = rustix::process::setpriority_process(this, 19);
        set.expect("a thread may always lower its own priority");
    }
}

/// Binds the thread that calls it to a core of this number, if there is one.
pub(crate) fn bind_to(core: usize) {
    #[cfg(target_os = "linux")]
    {
        let mut only = rustix::thread::CpuSet::new();
        only.set(core);
        // A core that does not exist, or is not for this process: the thread stays free.
        let _ = rustix::thread::sched_setaffinity(None, &only);
    }
    #[cfg(not(target_os = "linux"))]
    let _ = core;
}

/// The number of the core that the caller runs on.
pub(crate) fn core() -> usize {
    #[cfg(target_os = "linux")]
    return rustix::thread::sched_getcpu();
    #[cfg(not(target_os = "linux"))]
    0
}
