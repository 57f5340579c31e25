//! Can what the sockets' functions return be awaited in a task?

use std::io;

use laneway::net::{ListenOptions, TcpListener, TcpStream, resolve};
use laneway::{Priority, Runtime};

#[test]
fn the_futures_of_sockets_go_into_tasks() {
    let rt = Runtime::builder().build().expect("the default settings");
    let exchange = async {
        let names = resolve(("localhost", 0)).await?;
        assert!(!names.is_empty(), "the machine knows itself");
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        ListenOptions::new().bind(("127.0.0.1", 0)).await?;
        let client = TcpStream::connect(listener.local_addr()?.to_string()).await?;
        let (server, _) = listener.accept().await?;
        server.writable().await;
        assert_eq!(server.try_write(b"x")?, 1);
        client.readable().await;
        assert_eq!(client.peek(&mut [0; 4]).await?, 1);
        io::Result::Ok(())
    };
    let task = rt.spawn(exchange, Priority::High);
    rt.block_on(task).expect("loopback works");
}
