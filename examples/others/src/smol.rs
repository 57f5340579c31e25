//! What smol's programs do, on Laneway's workers: a chat over `smol::net`, its channels, timers,
//! files, processes and `unblock`. `cargo run -p laneway-others --bin laneway-smol`
//!
//! Nothing is needed: these crates wake tasks from a thread of their own (async-io), whichever
//! executor polls them. `smol::spawn` is what to leave out, since it starts smol's own executor:
//! `spawn_task!` stands in its place.

#[path = "../../output/mod.rs"]
mod output;

use std::error::Error;
use std::time::Duration;

use laneway::spawn_task;
use smol::channel::{Receiver, Sender, unbounded};
use smol::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use smol::net::{TcpListener, TcpStream};
use smol::process::Command;
use smol::stream::StreamExt;
use smol::{Timer, fs, unblock};

type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

/// Passes on what a member says, line by line.
async fn listen(stream: TcpStream, said: Sender<String>) -> Outcome<()> {
    let mut lines = BufReader::new(stream).lines();
    while let Some(line) = lines.next().await {
        said.send(line?).await?;
    }
    Ok(())
}

/// Tells all members what each of them says, until they have said so many lines.
async fn chat(mut members: Vec<TcpStream>, said: Receiver<String>, lines: usize) -> Outcome<()> {
    for _ in 0..lines {
        let line = said.recv().await?;
        for member in &mut members {
            member.write_all(format!("{line}\n").as_bytes()).await?;
        }
    }
    Ok(())
}

/// Says a line, after a moment, and hears those of all.
async fn member(mut stream: TcpStream, name: &str, lines: usize) -> Outcome<Vec<String>> {
    Timer::after(Duration::from_millis(1)).await;
    stream
        .write_all(format!("{name} is here\n").as_bytes())
        .await?;
    let mut heard: Vec<String> = BufReader::new(stream)
        .lines()
        .take(lines)
        .try_collect()
        .await?;
    heard.sort();
    Ok(heard)
}

async fn chat_of(names: [&'static str; 3]) -> Outcome<()> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let (say, said) = unbounded();
    let (mut streams, mut members) = (Vec::new(), Vec::new());
    for name in names {
        let stream = TcpStream::connect(address).await?;
        members.push(spawn_task!(member(stream, name, names.len())));
        let (stream, _) = listener.accept().await?;
        spawn_task!(listen(stream.clone(), say.clone())).detach();
        streams.push(stream);
    }
    spawn_task!(chat(streams, said, names.len())).await?;
    for (name, member) in names.iter().zip(members) {
        println!("{name} heard: {}", member.await?.join(", "));
    }
    Ok(())
}

/// A program's output, by way of a file.
async fn through_a_file() -> Outcome<String> {
    let output = Command::new("echo").arg("a process").output().await?;
    let path = std::env::temp_dir().join(format!("laneway-smol-{}", std::process::id()));
    fs::write(&path, &output.stdout).await?;
    let text = fs::read_to_string(&path).await?;
    fs::remove_file(&path).await?;
    let blocking = unblock(|| "and a thread of the pool").await;
    Ok(format!("{} wrote, {blocking}", text.trim_end()))
}

fn main() -> Outcome<()> {
    output::may_end("laneway-smol");
    laneway::block_on(async {
        chat_of(["ann", "bob", "eve"]).await?;
        println!("{}", spawn_task!(through_a_file()).await?);
        Ok(())
    })
}
