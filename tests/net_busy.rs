//! Does a socket cost no processor time while it waits?
//!
//! A process of its own, since the time of all its threads is counted.
#![cfg(target_os = "linux")]

use std::fs;
use std::io::ErrorKind;
use std::time::Duration;

use laneway::net::unix::UnixDatagram;
use laneway::time::sleep;
use laneway::{Priority, Runtime};

/// How long the processor time is counted.
const WINDOW: Duration = Duration::from_millis(500);

/// A loop would take more than that, also on a busy machine.
const LITTLE: Duration = Duration::from_millis(50);

/// The processor time of all threads of this process so far.
fn used() -> Duration {
    let threads = fs::read_dir("/proc/self/task").expect("Linux tells of threads");
    let used = threads.filter_map(|thread| {
        // A thread may have ended meanwhile.
        let times = fs::read_to_string(thread.ok()?.path().join("schedstat")).ok()?;
        times.split(' ').next()?.parse::<u64>().ok()
    });
    Duration::from_nanos(used.sum())
}

/// A folder that is gone at the end.
struct Folder(std::path::PathBuf);

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Linux says after each attempt that a socket is ready which is not connected.
#[test]
fn a_datagram_for_a_unix_socket_without_room_waits_until_there_is_some() {
    let name = format!("laneway-net-busy-{}", std::process::id());
    let folder = Folder(std::env::temp_dir().join(name));
    fs::create_dir_all(&folder.0).unwrap();
    let path = folder.0.join("full");
    let rt = Runtime::builder().build().unwrap();
    let work = rt.spawn(
        async move {
            let receiver = UnixDatagram::bind(&path).unwrap();
            let other = UnixDatagram::unbound().unwrap();
            let mut waiting = 0;
            while other.try_send_to(b"a", &path).is_ok() {
                waiting += 1;
            }
            let full = other.try_send_to(b"a", &path).unwrap_err();
            assert_eq!(full.kind(), ErrorKind::WouldBlock);
            let sender = UnixDatagram::unbound().unwrap();
            let send = async move { sender.send_to(b"last", &path).await.unwrap() };
            let sent = laneway::spawn_task!(send, Priority::High);
            let before = used();
            sleep(WINDOW).await;
            let used = used().saturating_sub(before);
            assert!(used < LITTLE, "{used:?} of {WINDOW:?}");
            let mut buffer = [0; 8];
            for _ in 0..waiting {
                assert_eq!(receiver.recv(&mut buffer).await.unwrap(), 1);
            }
            assert_eq!(receiver.recv(&mut buffer).await.unwrap(), 4);
            assert_eq!(sent.await, 4);
        },
        Priority::High,
    );
    rt.block_on(work);
}
