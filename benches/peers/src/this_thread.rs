//! The niceness, the core and the sleeps of a thread, for the peers whose users would set them, and
//! for those that measure. On Linux; elsewhere nothing is set, and there is one core.

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

/// Lets the sleeps of the thread that calls it end as early as the kernel can.
pub(crate) fn sleep_precisely() {
    #[cfg(target_os = "linux")]
    {
        let set = rustix::thread::set_current_timer_slack(std::num::NonZeroU64::new(1));
        set.expect("a thread may always set its own slack");
    }
}

/// How many descriptors the process may have.
pub(crate) fn descriptors() -> usize {
    #[cfg(target_os = "linux")]
    {
        let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile);
        let limit = limit.current.unwrap_or(u64::MAX);
        usize::try_from(limit).unwrap_or(usize::MAX)
    }
    #[cfg(not(target_os = "linux"))]
    256
}
